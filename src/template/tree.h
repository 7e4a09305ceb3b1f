/* A template as a tree: what it says, before it is known where in a document it says it. */
#ifndef RH_TEMPLATE_TREE_H
#define RH_TEMPLATE_TREE_H

#include <stdint.h>

#include "template/source.h"

enum rh_node_kind {
    RH_NODE_TEXT,
    RH_NODE_INDENT, /* a line of the source begins: where it is used indented, this much is written
                     */
    RH_NODE_VALUE,
    RH_NODE_RAW,
    RH_NODE_JSON,
    RH_NODE_SECTION,
    RH_NODE_INVERTED,
    RH_NODE_PARTIAL,
    RH_NODE_PARENT, /* its children are blocks: the arguments */
    RH_NODE_BLOCK,
};

/* The name of a value, split at its dots; no parts: the value itself, `{{.}}`. */
struct rh_path {
    size_t count;
    struct rh_slice parts[];
};

struct rh_node {
    uint8_t kind;  /* enum rh_node_kind */
    bool is_alone; /* a partial, parent or block alone on its line: `indent` is to be written */
    bool begins_on_line;  /* a block whose content begins on the line after its tag */
    struct rh_slice text; /* of a text; the name */
    struct rh_slice indent;
    const struct rh_path *path;
    const char *at; /* in the source, for errors */
    struct rh_source *source;
    struct rh_node *children;
    struct rh_node *next;
};

/* Parses the source's text to its tree; false with an error in the source. */
bool rh_tree_parse(struct rh_source *source, struct rh_pool *pool);

#endif
