/* Lines that only hold a tag are not written (the Mustache specification calls such a tag
 * standalone), a partial is indented as its tag was, and a block that is given to a parent loses
 * the indentation of where it was written and gains that of where it goes.
 *
 * Tokens are looked at line by line; a tag that spans lines counts for the line it begins on. */
#include "template/lexer.h"

static bool is_blank(struct rh_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.base[i];
        if (c != ' ' && c != '\t' && c != '\r' && c != '\n') {
            return false;
        }
    }
    return true;
}

static bool is_blank_text(const struct rh_token *token)
{
    return token->kind == RH_TOKEN_TEXT && is_blank(token->text);
}

/* The spaces and tabs that a line begins with. */
static struct rh_slice indent_of(struct rh_slice text)
{
    size_t len = 0;
    while (len < text.len && (text.base[len] == ' ' || text.base[len] == '\t')) {
        len++;
    }
    return (struct rh_slice){text.base, len};
}

static void erase(struct rh_token *token)
{
    token->text.len = 0;
}

static bool may_be_alone(const struct rh_tokens *tokens, const struct rh_token *token)
{
    switch ((enum rh_token_kind)token->kind) {
    case RH_TOKEN_SECTION:
    case RH_TOKEN_INVERTED:
    case RH_TOKEN_PARTIAL:
    case RH_TOKEN_BLOCK:
    case RH_TOKEN_NOTHING:
        return true;
    case RH_TOKEN_CLOSE:
        return tokens->items[token->match].kind != RH_TOKEN_PARENT;
    default:
        return false;
    }
}

/* A line of which one tag is the only thing that is not blank is not written. */
static bool take_lone_tag(struct rh_tokens *tokens, size_t from, size_t to)
{
    struct rh_token *tag = NULL;
    for (size_t i = from; i < to; i++) {
        struct rh_token *token = &tokens->items[i];
        if (is_blank_text(token)) {
            continue;
        }
        if (tag != NULL || !may_be_alone(tokens, token)) {
            return false;
        }
        tag = token;
    }
    if (tag == NULL) {
        return false;
    }
    tag->is_alone = true;
    tag->indent = indent_of(tokens->items[from].kind == RH_TOKEN_TEXT ? tokens->items[from].text
                                                                      : (struct rh_slice){"", 0});
    for (size_t i = from; i < to; i++) {
        if (tokens->items[i].kind == RH_TOKEN_TEXT) {
            erase(&tokens->items[i]);
        }
    }
    return true;
}

/* The last token of the line that `at` is on, one past. */
static size_t line_end(const struct rh_tokens *tokens, size_t at)
{
    while (at < tokens->count && !tokens->items[at].ends_line) {
        at++;
    }
    return at < tokens->count ? at + 1 : at;
}

/* A parent and all that it is given are one thing, on one line or on many: alone when nothing
 * stands before its opening tag and nothing behind its closing one. */
static void take_lone_parent(struct rh_tokens *tokens, size_t from, size_t parent)
{
    struct rh_token *token = &tokens->items[parent];
    size_t end = line_end(tokens, token->match + 1);
    bool has_text = parent == from + 1 && is_blank_text(&tokens->items[from]);
    if (parent != from && !has_text) {
        return;
    }
    for (size_t i = token->match + 1; i < end; i++) {
        if (!is_blank_text(&tokens->items[i])) {
            return;
        }
    }
    token->is_alone = true;
    token->indent = has_text ? indent_of(tokens->items[from].text) : (struct rh_slice){"", 0};
    if (has_text) {
        erase(&tokens->items[from]);
    }
    for (size_t i = token->match + 1; i < end; i++) {
        erase(&tokens->items[i]);
    }
}

static void take_line(struct rh_tokens *tokens, size_t from, size_t to)
{
    if (take_lone_tag(tokens, from, to)) {
        return;
    }
    bool is_blank_so_far = true;
    for (size_t i = from; i < to && is_blank_so_far; i++) {
        struct rh_token *token = &tokens->items[i];
        if (token->kind == RH_TOKEN_PARENT) {
            take_lone_parent(tokens, from, i);
        } else if (token->kind == RH_TOKEN_BLOCK && i <= from + 1) {
            /* Not alone, but what goes here is indented as the tag is. */
            token->indent = is_blank_text(&tokens->items[from])
                                ? indent_of(tokens->items[from].text)
                                : (struct rh_slice){"", 0};
        }
        is_blank_so_far = is_blank_text(token) || token->kind == RH_TOKEN_NOTHING;
    }
    for (size_t i = from; i < to; i++) {
        struct rh_token *token = &tokens->items[i];
        if (token->kind != RH_TOKEN_TEXT || token->text.len > 0) {
            bool closes_lone = token->kind == RH_TOKEN_CLOSE &&
                               tokens->items[token->match].kind == RH_TOKEN_PARENT &&
                               tokens->items[token->match].is_alone;
            token->starts_line = !token->is_alone && !closes_lone;
            return;
        }
    }
}

/* --- blocks that are arguments --- */

static void dedent(struct rh_slice *text, struct rh_slice indent)
{
    size_t len = indent_of(*text).len;
    len = len < indent.len ? len : indent.len;
    text->base += len;
    text->len -= len;
}

/* The first token between an opening tag and its closing one that writes something. */
static struct rh_token *first_inside(struct rh_tokens *tokens, size_t open)
{
    for (size_t i = open + 1; i < tokens->items[open].match; i++) {
        struct rh_token *token = &tokens->items[i];
        if (token->kind != RH_TOKEN_TEXT || token->text.len > 0) {
            return token;
        }
    }
    return NULL;
}

static struct rh_slice indent_at(const struct rh_token *token)
{
    if (token->kind == RH_TOKEN_TEXT) {
        return token->starts_line ? indent_of(token->text) : (struct rh_slice){"", 0};
    }
    return token->indent;
}

/* Takes the indentation of its first line from every line of an argument. */
static void dedent_argument(struct rh_tokens *tokens, size_t open)
{
    struct rh_token *block = &tokens->items[open];
    struct rh_token *next = &tokens->items[open + 1];
    struct rh_token *last = &tokens->items[block->match - 1];
    if (!block->is_alone && open + 1 < block->match && is_blank_text(next) && next->ends_line) {
        erase(next);
        block->begins_on_line = true;
    }
    block->begins_on_line = block->begins_on_line || block->is_alone;
    if (last > next && is_blank_text(last) && last->starts_line && !last->ends_line) {
        erase(last);
    }
    struct rh_token *first = block->begins_on_line ? first_inside(tokens, open) : NULL;
    struct rh_slice indent = first != NULL ? indent_at(first) : (struct rh_slice){"", 0};
    for (size_t i = open + 1; indent.len > 0 && i < block->match; i++) {
        struct rh_token *token = &tokens->items[i];
        if (token->kind == RH_TOKEN_TEXT && token->starts_line) {
            dedent(&token->text, indent);
        } else if (token->indent.len > 0) {
            dedent(&token->indent, indent);
        }
    }
}

/* Arguments are what a parent directly holds. */
static void dedent_arguments(struct rh_tokens *tokens, size_t parent)
{
    size_t i = parent + 1;
    while (i < tokens->items[parent].match) {
        struct rh_token *token = &tokens->items[i];
        if (token->kind == RH_TOKEN_BLOCK) {
            dedent_argument(tokens, i);
        }
        bool opens = token->kind == RH_TOKEN_BLOCK || token->kind == RH_TOKEN_SECTION ||
                     token->kind == RH_TOKEN_INVERTED || token->kind == RH_TOKEN_PARENT;
        i = opens ? token->match + 1 : i + 1;
    }
}

void rh_lexer_lines(struct rh_tokens *tokens)
{
    size_t from = 0;
    for (size_t i = 0; i < tokens->count; i++) {
        if (tokens->items[i].ends_line || i + 1 == tokens->count) {
            take_line(tokens, from, i + 1);
            from = i + 1;
        }
    }
    for (size_t i = 0; i < tokens->count; i++) {
        if (tokens->items[i].kind == RH_TOKEN_PARENT) {
            dedent_arguments(tokens, i);
        }
    }
    /* A block alone on its line indents what goes there as its own content is. */
    for (size_t i = 0; i < tokens->count; i++) {
        struct rh_token *token = &tokens->items[i];
        if (token->kind == RH_TOKEN_BLOCK && token->is_alone) {
            token->begins_on_line = true;
            const struct rh_token *first = first_inside(tokens, i);
            if (first != NULL) {
                token->indent = indent_at(first);
            }
        }
    }
}
