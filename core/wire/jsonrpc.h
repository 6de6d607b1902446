/* SPDX-License-Identifier: MIT
 * jsonrpc.h - JSON-RPC messages of MCP: cutting one into slices, and writing one around untouched
 * bytes. */
#ifndef TRUNKD_WIRE_JSONRPC_H
#define TRUNKD_WIRE_JSONRPC_H

#include "wire/json.h"

enum { /* protocol.md 1.3 */
       JSONRPC_PARSE_ERROR = -32700,
       JSONRPC_INVALID_REQUEST = -32600,
       JSONRPC_METHOD_NOT_FOUND = -32601,
       JSONRPC_INVALID_PARAMS = -32602,
       JSONRPC_INTERNAL_ERROR = -32603,
       JSONRPC_SERVER_ERROR = -32000,
       JSONRPC_SESSION_NOT_FOUND = -32001
};

enum message_kind { MESSAGE_REQUEST, MESSAGE_NOTIFICATION, MESSAGE_RESULT, MESSAGE_ERROR };

/* Slices into the text given to message_parse. Absent members have type JSON_NONE. */
struct message {
    enum message_kind kind;
    struct trunk_slice text;  /* the message without white space around it */
    struct json_value id;     /* string or number, as written */
    struct json_value method; /* a string */
    struct json_value params; /* an object */
    struct json_value result;
    struct json_value error;
    struct json_value name;                    /* params.name */
    struct json_value uri;                     /* params.uri */
    struct json_value cursor;                  /* params.cursor */
    struct json_value task;                    /* params.task */
    struct json_value meta;                    /* params._meta */
    struct json_value meta_token;              /* params._meta.progressToken */
    struct json_value progress_token;          /* params.progressToken */
    struct json_value request_id;              /* params.requestId */
    struct json_value protocol_version;        /* params.protocolVersion */
    struct json_value capabilities;            /* params.capabilities */
    struct json_value client_info;             /* params.clientInfo */
    struct json_value result_cursor;           /* result.nextCursor */
    struct json_value result_structured;       /* result.structuredContent */
    struct json_value result_protocol_version; /* result.protocolVersion */
    struct json_value result_capabilities;     /* result.capabilities */
    struct json_value result_server_info;      /* result.serverInfo */
    struct json_value result_instructions;     /* result.instructions */
    struct json_value error_code;              /* error.code */
    struct json_value error_message;           /* error.message */
};

struct message_error {
    int code;              /* JSONRPC_PARSE_ERROR or JSONRPC_INVALID_REQUEST */
    char text[160];        /* what is wrong, and where */
    struct trunk_slice id; /* the message's own id, if it could be read; else empty */
};

/* TRUNK_OK; or TRUNK_INVALID with *out_error filled: not JSON (-32700), or not one JSON-RPC 2.0
 * message (-32600): too deep, a batch, an id that is null or neither string nor integer, params or
 * result that is not an object, result together with error, a response without id (an error without
 * id, or with a null id, is allowed: its id is JSON_NONE), a member of the table above that occurs
 * twice. */
int32_t message_parse(struct trunk_slice text, struct message *out,
                      struct message_error *out_error);
bool message_is(const struct message *message, const char *method);
/* A member of params that the table above has not, for methods that are seldom: TRUNK_OK; NOT_FOUND
 * (also without params); INVALID: it occurs twice, or is of another kind. */
int32_t message_param(const struct message *message, const char *name, enum json_kind kind,
                      struct json_value *out);
/* What the params.ref of a completion/complete names, as JSON text that may be spliced: the name of
 * a prompt, or the URI (template) of a resource. INVALID: it is neither. */
int32_t message_ref(const struct message *message, bool *out_is_prompt,
                    struct trunk_slice *out_target);

/* Writers: each appends one message on one line (raw CR and LF become spaces). id is raw JSON text;
 * params and result are raw JSON objects; method needs no escapes. */
void jsonrpc_write_request(struct buffer *out, uint64_t id, const char *method,
                           struct trunk_slice params);
void jsonrpc_write_notification(struct buffer *out, const char *method,
                                struct trunk_slice params); /* empty params: none */
void jsonrpc_write_result(struct buffer *out, struct trunk_slice id, struct trunk_slice result);
/* id empty: omitted (protocol.md 1.1). text is plain. */
void jsonrpc_write_error(struct buffer *out, struct trunk_slice id, int code, const char *text);
/* The raw error object of a backend, relayed as it is. */
void jsonrpc_write_error_object(struct buffer *out, struct trunk_slice id,
                                struct trunk_slice error);

/* Replacements of slices that lie within one checked text, in order of position; an old slice of
 * length 0 inserts at its place. The result is on one line too. */
struct splice {
    struct trunk_slice old_text;
    struct trunk_slice new_text;
};
/* A few of them, added in any order. */
#define SPLICES_MAX 4
struct splices {
    struct splice items[SPLICES_MAX];
    size_t count;
};
void splices_add(struct splices *splices, struct trunk_slice old_text, struct trunk_slice new_text);
void splice_append(struct buffer *out, struct trunk_slice text, const struct splice *splices,
                   size_t count);

#endif
