/* From tokens, which are matched already, to nodes. Texts that follow each other in the source
 * become one. */
#include "template/tree.h"

#include "template/lexer.h"

struct builder {
    struct rh_source *source;
    struct rh_pool *pool;
    const struct rh_tokens *tokens;
};

static const uint8_t node_kinds[] = {
    [RH_TOKEN_TEXT] = RH_NODE_TEXT,       [RH_TOKEN_VALUE] = RH_NODE_VALUE,
    [RH_TOKEN_RAW] = RH_NODE_RAW,         [RH_TOKEN_JSON] = RH_NODE_JSON,
    [RH_TOKEN_SECTION] = RH_NODE_SECTION, [RH_TOKEN_INVERTED] = RH_NODE_INVERTED,
    [RH_TOKEN_PARTIAL] = RH_NODE_PARTIAL, [RH_TOKEN_PARENT] = RH_NODE_PARENT,
    [RH_TOKEN_BLOCK] = RH_NODE_BLOCK,
};

static struct rh_node *complain(struct builder *builder, const char *at, const char *reason)
{
    rh_source_complain(builder->source, builder->pool, at, "%s", reason);
    return NULL;
}

static const struct rh_path *path_of(struct builder *builder, struct rh_slice name, const char *at)
{
    size_t count = rh_slice_is(name, ".") ? 0 : 1;
    for (size_t i = 0; count > 0 && i < name.len; i++) {
        count += name.base[i] == '.';
    }
    struct rh_path *path =
        rh_pool_alloc(builder->pool, sizeof(*path) + count * sizeof(path->parts[0]));
    if (path == NULL) {
        complain(builder, at, "out of memory");
        return NULL;
    }
    path->count = count;
    const char *from = name.base;
    const char *end = name.base + name.len;
    for (size_t i = 0; i < count; i++) {
        const char *dot = memchr(from, '.', (size_t)(end - from));
        const char *to = dot != NULL ? dot : end;
        path->parts[i] = (struct rh_slice){from, (size_t)(to - from)};
        if (to == from) {
            complain(builder, at, "an empty part in a dotted name");
            return NULL;
        }
        from = to + 1;
    }
    return path;
}

static struct rh_node *create_node(struct builder *builder, enum rh_node_kind kind,
                                   const struct rh_token *token)
{
    struct rh_node *node = rh_pool_alloc(builder->pool, sizeof(*node));
    if (node == NULL) {
        return complain(builder, token->at, "out of memory");
    }
    node->kind = (uint8_t)kind;
    node->is_alone = token->is_alone;
    node->begins_on_line = token->begins_on_line;
    node->text = token->text;
    node->indent = token->indent;
    node->at = token->at;
    node->source = builder->source;
    bool has_path = kind == RH_NODE_VALUE || kind == RH_NODE_RAW || kind == RH_NODE_JSON ||
                    kind == RH_NODE_SECTION || kind == RH_NODE_INVERTED;
    if (has_path) {
        node->path = path_of(builder, token->text, token->at);
        return node->path != NULL ? node : NULL;
    }
    return node;
}

/* The beginning of a line is a node of its own before whatever the line begins with. */
static bool add_indent(struct builder *builder, const struct rh_token *token,
                       struct rh_node ***tail)
{
    if (!token->starts_line) {
        return true;
    }
    struct rh_node *node = create_node(builder, RH_NODE_INDENT, token);
    if (node == NULL) {
        return false;
    }
    **tail = node;
    *tail = &node->next;
    return true;
}

static bool build(struct builder *builder, size_t from, size_t to, bool is_parent,
                  struct rh_node **ret_first);

static bool add(struct builder *builder, size_t at, struct rh_node ***tail)
{
    const struct rh_token *token = &builder->tokens->items[at];
    if (token->kind == RH_TOKEN_NOTHING || (token->kind == RH_TOKEN_TEXT && token->text.len == 0)) {
        return add_indent(builder, token, tail);
    }
    if (!add_indent(builder, token, tail)) {
        return false;
    }
    struct rh_node *node = create_node(builder, node_kinds[token->kind], token);
    if (node == NULL) {
        return false;
    }
    **tail = node;
    *tail = &node->next;
    if (token->match <= at) {
        return true;
    }
    const struct rh_token *close = &builder->tokens->items[token->match];
    return build(builder, at + 1, token->match, token->kind == RH_TOKEN_PARENT, &node->children) &&
           add_indent(builder, close, tail);
}

/* The nodes of the tokens from `from` up to `to`; of what a parent holds only blocks count, the
 * specification says, and the rest is ignored. */
static bool build(struct builder *builder, size_t from, size_t to, bool is_parent,
                  struct rh_node **ret_first)
{
    struct rh_node **tail = ret_first;
    *tail = NULL;
    size_t at = from;
    while (at < to) {
        const struct rh_token *token = &builder->tokens->items[at];
        struct rh_node *ignored = NULL;
        struct rh_node **ignored_tail = &ignored;
        bool counts = !is_parent || token->kind == RH_TOKEN_BLOCK;
        if (counts && is_parent) {
            struct rh_node *block = create_node(builder, RH_NODE_BLOCK, token);
            if (block == NULL || !build(builder, at + 1, token->match, false, &block->children)) {
                return false;
            }
            *tail = block;
            tail = &block->next;
        } else if (!add(builder, at, counts ? &tail : &ignored_tail)) {
            return false;
        }
        at = token->match > at ? token->match + 1 : at + 1;
    }
    return true;
}

bool rh_tree_parse(struct rh_source *source, struct rh_pool *pool)
{
    struct rh_tokens tokens = {NULL, 0, 0};
    struct builder builder = {source, pool, &tokens};
    bool is_parsed = rh_lexer_run(source, pool, &tokens) &&
                     build(&builder, 0, tokens.count, false, &source->tree);
    rh_tokens_fini(&tokens);
    if (!is_parsed) {
        source->tree = NULL;
    }
    return is_parsed;
}
