/* A template's text as tokens: lines of text and tags, with the white space around tags that stand
 * alone on their line already taken away, as the Mustache specification asks. */
#ifndef RH_TEMPLATE_LEXER_H
#define RH_TEMPLATE_LEXER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "template/source.h"

enum rh_token_kind {
    RH_TOKEN_TEXT,     /* at most one line, with its end */
    RH_TOKEN_VALUE,    /* {{name}} */
    RH_TOKEN_RAW,      /* {{{name}}} {{&name}} */
    RH_TOKEN_JSON,     /* {{json name}} */
    RH_TOKEN_SECTION,  /* {{#name}} */
    RH_TOKEN_INVERTED, /* {{^name}} */
    RH_TOKEN_PARTIAL,  /* {{>name}} */
    RH_TOKEN_PARENT,   /* {{<name}} */
    RH_TOKEN_BLOCK,    /* {{$name}} */
    RH_TOKEN_CLOSE,    /* {{/name}} */
    RH_TOKEN_NOTHING,  /* comments, delimiters */
};

struct rh_token {
    uint8_t kind;           /* enum rh_token_kind */
    bool ends_line;         /* a text up to the end of its line of the source */
    bool starts_line;       /* the first of its line of the source, and that line is written */
    bool is_alone;          /* its line held nothing else and is not written */
    bool begins_on_line;    /* a block whose content begins on the line after the tag */
    struct rh_slice text;   /* of a text; the name in a tag */
    const char *at;         /* where it begins in the source */
    struct rh_slice indent; /* white space before it on its line, where nothing else is there */
    size_t match;           /* the token that closes what this opens, and back */
};

struct rh_tokens {
    struct rh_token *items; /* malloc */
    size_t count;
    size_t room;
};

/* Fills *tokens (zeroed before); false with an error in the source. */
bool rh_lexer_run(struct rh_source *source, struct rh_pool *pool, struct rh_tokens *tokens);

void rh_tokens_fini(struct rh_tokens *tokens);

/* template_lines.c: after the tokens are matched, takes away the lines that only hold tags and the
 * indentation of blocks that are arguments. */
void rh_lexer_lines(struct rh_tokens *tokens);

#endif
