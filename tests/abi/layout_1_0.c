/* SPDX-License-Identifier: MIT
 * layout_1_0.c - numbers and places of ABI 1.0 on 64-bit machines, which no later header changes:
 * a program that is compiled has passed. */
#include <trunk/plugin.h>

#if __SIZEOF_POINTER__ == 8
#define AT(type_, member_, offset_)                                                                \
    _Static_assert(offsetof(struct type_, member_) == (offset_), #type_ "." #member_)
/* With struct_size: members may be appended. */
#define GROWS(type_, size_) _Static_assert(sizeof(struct type_) >= (size_), #type_)
#define SIZE(type_, size_) _Static_assert(sizeof(struct type_) == (size_), #type_)
#define IS(name_, number_) _Static_assert((name_) == (number_), #name_)

AT(trunk_slice, data, 0);
AT(trunk_slice, len, 8);
SIZE(trunk_slice, 16);

AT(trunk_param, key, 0);
AT(trunk_param, value, 8);
SIZE(trunk_param, 16);

AT(trunk_param_spec, key, 0);
AT(trunk_param_spec, fallback, 8);
AT(trunk_param_spec, help, 16);
AT(trunk_param_spec, type, 24);
AT(trunk_param_spec, flags, 28);
AT(trunk_param_spec, reserved, 32);
SIZE(trunk_param_spec, 48);

AT(trunk_error, status, 0);
AT(trunk_error, key, 4);
AT(trunk_error, text, 68);
SIZE(trunk_error, 256);

AT(trunk_reply, struct_size, 0);
AT(trunk_reply, status, 8);
AT(trunk_reply, reserved, 12);
AT(trunk_reply, message, 16);
AT(trunk_reply, value, 24);
AT(trunk_reply, version, 40);
AT(trunk_reply, last_seq, 48);
AT(trunk_reply, leg, 56);
GROWS(trunk_reply, 64);

AT(trunk_item, struct_size, 0);
AT(trunk_item, key, 8);
AT(trunk_item, value, 24);
AT(trunk_item, version, 40);
AT(trunk_item, seq, 48);
AT(trunk_item, expires_ms, 56);
GROWS(trunk_item, 64);

AT(trunk_host, struct_size, 0);
AT(trunk_host, abi_minor, 8);
AT(trunk_host, reserved, 12);
AT(trunk_host, ctx, 16);
AT(trunk_host, complete, 24);
AT(trunk_host, emit, 32);
AT(trunk_host, log, 40);
AT(trunk_host, post, 48);
AT(trunk_host, mono_ms, 56);
AT(trunk_host, wall_ms, 64);
AT(trunk_host, watch_new, 72);
AT(trunk_host, watch_set, 80);
AT(trunk_host, watch_free, 88);
AT(trunk_host, timer_new, 96);
AT(trunk_host, timer_set, 104);
AT(trunk_host, timer_stop, 112);
AT(trunk_host, timer_free, 120);
GROWS(trunk_host, 128);

AT(trunk_put, struct_size, 0);
AT(trunk_put, mode, 8);
AT(trunk_put, reserved, 12);
AT(trunk_put, key, 16);
AT(trunk_put, value, 32);
AT(trunk_put, ttl_ms, 48);
AT(trunk_put, expect_version, 56);
GROWS(trunk_put, 64);

AT(trunk_scan, struct_size, 0);
AT(trunk_scan, prefix, 8);
AT(trunk_scan, cursor, 24);
AT(trunk_scan, limit, 40);
AT(trunk_scan, want_values, 44);
GROWS(trunk_scan, 48);

AT(trunk_entry, struct_size, 0);
AT(trunk_entry, key, 8);
AT(trunk_entry, seq, 24);
AT(trunk_entry, value, 32);
GROWS(trunk_entry, 48);

AT(trunk_storage_ops, struct_size, 0);
AT(trunk_storage_ops, caps, 8);
AT(trunk_storage_ops, max_inflight, 12);
AT(trunk_storage_ops, check, 16);
AT(trunk_storage_ops, open, 24);
AT(trunk_storage_ops, close, 32);
AT(trunk_storage_ops, ping, 40);
AT(trunk_storage_ops, load, 48);
AT(trunk_storage_ops, put, 56);
AT(trunk_storage_ops, touch, 64);
AT(trunk_storage_ops, remove, 72);
AT(trunk_storage_ops, sweep, 80);
AT(trunk_storage_ops, scan, 88);
AT(trunk_storage_ops, log_append, 96);
AT(trunk_storage_ops, log_read, 104);
AT(trunk_storage_ops, log_trim, 112);
AT(trunk_storage_ops, begin, 120);
AT(trunk_storage_ops, commit, 128);
AT(trunk_storage_ops, cancel, 136);
GROWS(trunk_storage_ops, 144);

AT(trunk_plugin, magic, 0);
AT(trunk_plugin, abi_major, 4);
AT(trunk_plugin, abi_minor, 6);
AT(trunk_plugin, struct_size, 8);
AT(trunk_plugin, kind, 16);
AT(trunk_plugin, min_host_minor, 20);
AT(trunk_plugin, name, 24);
AT(trunk_plugin, version, 32);
AT(trunk_plugin, summary, 40);
AT(trunk_plugin, params, 48);
AT(trunk_plugin, ops, 56);
GROWS(trunk_plugin, 64);

IS(TRUNK_OK, 0);
IS(TRUNK_NOT_FOUND, 1);
IS(TRUNK_EXISTS, 2);
IS(TRUNK_CONFLICT, 3);
IS(TRUNK_INVALID, 4);
IS(TRUNK_TOO_LARGE, 5);
IS(TRUNK_UNSUPPORTED, 6);
IS(TRUNK_UNAVAILABLE, 7);
IS(TRUNK_UNCERTAIN, 8);
IS(TRUNK_TIMEOUT, 9);
IS(TRUNK_CANCELLED, 10);
IS(TRUNK_DENIED, 11);
IS(TRUNK_INTERNAL, 12);
IS(TRUNK_KIND_STORAGE, 1);
IS(TRUNK_KIND_FACTORY, 2);
IS(TRUNK_LOG_ERROR, 1);
IS(TRUNK_LOG_WARN, 2);
IS(TRUNK_LOG_INFO, 3);
IS(TRUNK_LOG_DEBUG, 4);
IS(TRUNK_CAP_PERSISTENT, 1);
IS(TRUNK_CAP_SHARED, 2);
IS(TRUNK_CAP_LOG, 4);
IS(TRUNK_CAP_RESTORE, 8);
IS(TRUNK_CAP_BLOCKING, 65536);
IS(TRUNK_CAP_PARALLEL, 131072);
IS(TRUNK_PARAM_STRING, 1);
IS(TRUNK_PARAM_INT, 2);
IS(TRUNK_PARAM_BOOL, 3);
IS(TRUNK_PARAM_DURATION, 4);
IS(TRUNK_PARAM_SIZE, 5);
IS(TRUNK_PARAM_PATH, 6);
IS(TRUNK_PARAM_LIST, 7);
IS(TRUNK_PARAM_MAP, 8);
IS(TRUNK_PARAM_REQUIRED, 1);
IS(TRUNK_PARAM_SECRET, 2);
IS(TRUNK_PARAM_BACKEND, 4);
IS(TRUNK_READ, 1);
IS(TRUNK_WRITE, 2);
IS(TRUNK_PUT_CREATE, 1);
IS(TRUNK_PUT_UPDATE, 2);
IS(TRUNK_PUT_UPSERT, 3);
IS(TRUNK_PUT_CAS, 4);

IS(TRUNK_MAGIC, 0x54524e4b);
IS(TRUNK_ABI_MAJOR, 1);
#endif

int main(void) {
    return 0;
}
