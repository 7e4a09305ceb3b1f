/* Text up to the next opening delimiter, a tag up to its closing one, and so on; then opening and
 * closing tags are matched. Delimiters change for the rest of the file they stand in. */
#include "template/lexer.h"

#include <stdlib.h>

#include "util/ascii.h"

enum {
    DELIMITER_BYTES_MAX = 8,
    NAME_BYTES_MAX = 200,
    NESTING_MAX = 64, /* sections within each other: bounds the recursion of everything after */
    TOKENS_MAX = 1000000,
};

struct lexer {
    struct rh_source *source;
    struct rh_pool *pool;
    struct rh_tokens *tokens;
    const char *at;
    const char *end;
    struct rh_slice open; /* the delimiters in use */
    struct rh_slice close;
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static struct rh_slice trim(struct rh_slice text)
{
    while (text.len > 0 && is_space(text.base[0])) {
        text.base++;
        text.len--;
    }
    while (text.len > 0 && is_space(text.base[text.len - 1])) {
        text.len--;
    }
    return text;
}

static bool add(struct lexer *lexer, enum rh_token_kind kind, struct rh_slice text, const char *at)
{
    struct rh_tokens *tokens = lexer->tokens;
    if (tokens->count == tokens->room) {
        size_t room = tokens->room == 0 ? 64 : tokens->room * 2;
        struct rh_token *items =
            room > TOKENS_MAX ? NULL : realloc(tokens->items, room * sizeof(*items));
        if (items == NULL) {
            rh_source_complain(lexer->source, lexer->pool, at, "%s",
                               room > TOKENS_MAX ? "too many tags and lines" : "out of memory");
            return false;
        }
        tokens->items = items;
        tokens->room = room;
    }
    struct rh_token *token = &tokens->items[tokens->count++];
    memset(token, 0, sizeof(*token));
    token->kind = (uint8_t)kind;
    token->text = text;
    token->at = at;
    return true;
}

/* The text up to `end`, a token for each line. */
static bool add_text(struct lexer *lexer, const char *end)
{
    while (lexer->at < end) {
        size_t left = (size_t)(end - lexer->at);
        const char *line_end = memchr(lexer->at, '\n', left);
        size_t len = line_end != NULL ? (size_t)(line_end - lexer->at) + 1 : left;
        if (!add(lexer, RH_TOKEN_TEXT, (struct rh_slice){lexer->at, len}, lexer->at)) {
            return false;
        }
        lexer->tokens->items[lexer->tokens->count - 1].ends_line = line_end != NULL;
        lexer->at += len;
    }
    return true;
}

/* {{=<% %>=}}: two runs without white space or `=`. */
static bool set_delimiters(struct lexer *lexer, struct rh_slice content, const char *at)
{
    struct rh_slice open = trim(content);
    struct rh_slice close;
    size_t len = 0;
    while (len < open.len && !is_space(open.base[len])) {
        len++;
    }
    close = trim((struct rh_slice){open.base + len, open.len - len});
    open.len = len;
    bool fits = open.len > 0 && close.len > 0 && open.len <= DELIMITER_BYTES_MAX &&
                close.len <= DELIMITER_BYTES_MAX;
    for (size_t i = 0; fits && i < open.len; i++) {
        fits = open.base[i] != '=';
    }
    for (size_t i = 0; fits && i < close.len; i++) {
        fits = close.base[i] != '=' && !is_space(close.base[i]);
    }
    if (!fits) {
        rh_source_complain(lexer->source, lexer->pool, at,
                           "delimiters are two short runs of bytes, as in {{=<%% %%>=}}");
        return false;
    }
    lexer->open = open;
    lexer->close = close;
    return add(lexer, RH_TOKEN_NOTHING, content, at);
}

static enum rh_token_kind kind_of(char sigil)
{
    switch (sigil) {
    case '#':
        return RH_TOKEN_SECTION;
    case '^':
        return RH_TOKEN_INVERTED;
    case '/':
        return RH_TOKEN_CLOSE;
    case '>':
        return RH_TOKEN_PARTIAL;
    case '<':
        return RH_TOKEN_PARENT;
    case '$':
        return RH_TOKEN_BLOCK;
    case '&':
    case '{':
        return RH_TOKEN_RAW;
    case '!':
    case '=':
        return RH_TOKEN_NOTHING;
    default:
        return RH_TOKEN_VALUE;
    }
}

/* A tag's name: not empty, no white space within; `json name` is the one tag of two words. */
static bool add_named(struct lexer *lexer, enum rh_token_kind kind, struct rh_slice name,
                      const char *at)
{
    name = trim(name);
    if (kind == RH_TOKEN_VALUE && name.len > 5 && memcmp(name.base, "json", 4) == 0 &&
        is_space(name.base[4])) {
        kind = RH_TOKEN_JSON;
        name = trim((struct rh_slice){name.base + 5, name.len - 5});
    }
    if (name.len == 0 || name.len > NAME_BYTES_MAX) {
        rh_source_complain(lexer->source, lexer->pool, at, "a tag needs a name of 1 to %d bytes",
                           NAME_BYTES_MAX);
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        if (is_space(name.base[i])) {
            rh_source_complain(lexer->source, lexer->pool, at, "white space in the name of a tag");
            return false;
        }
    }
    return add(lexer, kind, name, at);
}

/* One tag; `lexer->at` is at its opening delimiter. */
static bool add_tag(struct lexer *lexer)
{
    const char *at = lexer->at;
    const char *content = at + lexer->open.len;
    while (content < lexer->end && is_space(*content)) {
        content++;
    }
    char sigil = content < lexer->end ? *content : '\0';
    enum rh_token_kind kind = kind_of(sigil);
    char closing[DELIMITER_BYTES_MAX + 2];
    size_t closing_len = lexer->close.len;
    memcpy(closing, lexer->close.base, lexer->close.len);
    if (sigil == '{' || sigil == '=') {
        memmove(closing + 1, closing, closing_len);
        closing[0] = sigil == '{' ? '}' : '=';
        closing_len++;
    }
    const char *from = kind != RH_TOKEN_VALUE ? content + 1 : content;
    const char *found =
        from <= lexer->end ? memmem(from, (size_t)(lexer->end - from), closing, closing_len) : NULL;
    if (found == NULL) {
        rh_source_complain(lexer->source, lexer->pool, at,
                           "a tag that does not end: `%.*s` is missing", (int)closing_len, closing);
        return false;
    }
    struct rh_slice inner = {from, (size_t)(found - from)};
    lexer->at = found + closing_len;
    if (sigil == '=') {
        return set_delimiters(lexer, inner, at);
    }
    return sigil == '!' ? add(lexer, kind, inner, at) : add_named(lexer, kind, inner, at);
}

/* Pairs what opens with what closes. */
static bool match(struct lexer *lexer)
{
    size_t open[NESTING_MAX];
    size_t depth = 0;
    for (size_t i = 0; i < lexer->tokens->count; i++) {
        struct rh_token *token = &lexer->tokens->items[i];
        switch ((enum rh_token_kind)token->kind) {
        case RH_TOKEN_SECTION:
        case RH_TOKEN_INVERTED:
        case RH_TOKEN_PARENT:
        case RH_TOKEN_BLOCK:
            if (depth == NESTING_MAX) {
                rh_source_complain(lexer->source, lexer->pool, token->at,
                                   "sections nest deeper than %d", NESTING_MAX);
                return false;
            }
            open[depth++] = i;
            break;
        case RH_TOKEN_CLOSE: {
            struct rh_token *opener = depth > 0 ? &lexer->tokens->items[open[depth - 1]] : NULL;
            if (opener == NULL || !rh_slice_equal(opener->text, token->text)) {
                rh_source_complain(lexer->source, lexer->pool, token->at,
                                   "`%.*s` is closed, but `%.*s` is open", (int)token->text.len,
                                   token->text.base, opener ? (int)opener->text.len : 7,
                                   opener ? opener->text.base : "nothing");
                return false;
            }
            opener->match = i;
            token->match = open[--depth];
            break;
        }
        default:
            break;
        }
    }
    if (depth > 0) {
        const struct rh_token *opener = &lexer->tokens->items[open[depth - 1]];
        rh_source_complain(lexer->source, lexer->pool, opener->at, "`%.*s` is never closed",
                           (int)opener->text.len, opener->text.base);
    }
    return depth == 0;
}

bool rh_lexer_run(struct rh_source *source, struct rh_pool *pool, struct rh_tokens *tokens)
{
    struct lexer lexer = {source,
                          pool,
                          tokens,
                          source->text.base,
                          source->text.base + source->text.len,
                          rh_slice_from("{{"),
                          rh_slice_from("}}")};
    while (lexer.at < lexer.end) {
        const char *tag =
            memmem(lexer.at, (size_t)(lexer.end - lexer.at), lexer.open.base, lexer.open.len);
        if (!add_text(&lexer, tag != NULL ? tag : lexer.end) || (tag != NULL && !add_tag(&lexer))) {
            return false;
        }
    }
    if (!match(&lexer)) {
        return false;
    }
    rh_lexer_lines(tokens);
    return true;
}

void rh_tokens_fini(struct rh_tokens *tokens)
{
    free(tokens->items);
    *tokens = (struct rh_tokens){NULL, 0, 0};
}
