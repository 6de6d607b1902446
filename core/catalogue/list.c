/* SPDX-License-Identifier: MIT
 * list.c - a list of all backends: collecting what is usable, naming it, giving it in pages. */
#include "catalogue/list.h"

#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "catalogue/cursor.h"
#include "wire/jsonrpc.h"

/* A backend chooses how many of its elements are bad, so it must not choose how much is logged. */
enum { MAX_LOGGED = 8, MAX_LOGGED_KEY_BYTES = 200 };

struct item {
    const struct route *route;
    size_t end; /* of the element in the list's text */
};

struct list {
    enum list_kind kind;
    struct buffer text; /* the elements, commas between them */
    struct routes *routes;
    struct item *items;
    size_t count;
    uint64_t generation; /* hash of the keys in their order */
};

/* A backend's own name or URI, and who has it. */
struct holder {
    UT_hash_handle hh;
    size_t count;  /* of backends */
    size_t source; /* the last of them */
    size_t best_rank;
    size_t key_len;
    char key[];
};

struct candidate {
    size_t source;
    size_t rank;
    struct holder *holder;
    struct trunk_slice text;
    struct trunk_slice key; /* as written */
    struct trunk_slice strips[ELEMENT_MAX_STRIPS];
    size_t nstrips;
};

struct merge {
    struct list *list;
    const struct list_source *sources;
    const struct naming *naming;
    struct log *log;
    size_t *logged;          /* lines, by source */
    struct buffer *prefixes; /* of the sources */
    size_t nsources;
    struct holder *holders;
    struct candidate *candidates;
    size_t ncandidates;
    size_t capacity;
    struct buffer plain; /* of one element, as the next; kept to spare allocations */
    struct buffer encoded;
};

static const struct kind {
    struct list_info info;
    const char *noun; /* in log lines */
    char cursor;
} kinds[LIST_KINDS] = {
    [LIST_TOOLS] = {{"tools/list", "tools", "notifications/tools/list_changed"}, "tool", 't'},
    [LIST_PROMPTS] = {{"prompts/list", "prompts", "notifications/prompts/list_changed"},
                      "prompt",
                      'p'},
    [LIST_RESOURCES] = {{"resources/list", "resources", "notifications/resources/list_changed"},
                        "resource",
                        'r'},
    [LIST_TEMPLATES] = {{"resources/templates/list", "resourceTemplates",
                         "notifications/resources/list_changed"},
                        "template",
                        'm'},
};

const struct list_info *list_info(enum list_kind kind) {
    return &kinds[kind].info;
}

struct list *list_new(enum list_kind kind) {
    struct list *list = xcalloc(1, sizeof *list);
    list->kind = kind;
    list->routes = routes_new();
    return list;
}

void list_free(struct list *list) {
    if (list != NULL) {
        buffer_free(&list->text);
        routes_free(list->routes);
        free(list->items);
        free(list);
    }
}

static bool has_names(enum list_kind kind) {
    return kind == LIST_TOOLS || kind == LIST_PROMPTS;
}

/* key as the backend wrote it: the quotes keep it from looking like another key=value. */
static void tell(struct merge *merge, size_t source, struct trunk_slice key, const char *what,
                 const char *why) {
    const char *noun = kinds[merge->list->kind].noun;
    const char *backend = merge->sources[source].backend;
    if (merge->logged[source]++ < MAX_LOGGED) {
        size_t len = key.len < MAX_LOGGED_KEY_BYTES ? key.len : MAX_LOGGED_KEY_BYTES;
        log_warn(merge->log, "catalogue", "a %s is %s: %s backend=%s %s=%.*s", noun, what, why,
                 backend, noun, (int)len, (const char *)key.data);
    }
}

static struct holder *find_holder(const struct merge *merge, struct trunk_slice key) {
    struct holder *holder = NULL;
    const void *bytes = key.len > 0 ? key.data : ""; /* memcmp takes no NULL */
    HASH_FIND(hh, merge->holders, bytes, key.len, holder);
    return holder;
}

static struct holder *new_holder(struct merge *merge, struct trunk_slice key) {
    struct holder *holder = xcalloc(1, sizeof *holder + key.len);
    holder->best_rank = SIZE_MAX;
    holder->key_len = key.len;
    if (key.len > 0) {
        memcpy(holder->key, key.data, key.len);
    }
    HASH_ADD_KEYPTR(hh, merge->holders, holder->key, holder->key_len, holder);
    return holder;
}

static void add_candidate(struct merge *merge, size_t source, size_t rank,
                          const struct json_value *value) {
    struct element element;
    if (!element_read(merge->list->kind, value, &element)) {
        tell(merge, source, element.key, "left out", element.problem);
        return;
    }
    buffer_clear(&merge->plain);
    json_string_decode(element.key, &merge->plain);
    struct holder *holder = find_holder(merge, buffer_slice(&merge->plain));
    if (holder == NULL) {
        holder = new_holder(merge, buffer_slice(&merge->plain));
    } else if (holder->source == source) {
        tell(merge, source, element.key, "left out", "the backend has another of that name");
        return;
    }
    if (element.problem[0] != '\0') {
        tell(merge, source, element.key, "shown without its outputSchema", element.problem);
    }
    holder->count++;
    holder->source = source;
    holder->best_rank = rank < holder->best_rank ? rank : holder->best_rank;
    if (merge->ncandidates == merge->capacity) {
        merge->capacity = merge->capacity == 0 ? 64 : merge->capacity * 2;
        merge->candidates =
            xrealloc(merge->candidates, merge->capacity * sizeof *merge->candidates);
    }
    struct candidate *candidate = &merge->candidates[merge->ncandidates++];
    *candidate =
        (struct candidate){source, rank, holder, element.text, element.key, {{0}}, element.nstrips};
    memcpy(candidate->strips, element.strips, sizeof candidate->strips);
}

static void collect(struct merge *merge, size_t source) {
    const struct list_source *from = &merge->sources[source];
    size_t rank = names_rank(merge->naming, from->backend, source);
    for (size_t page = 0; page < from->npages; page++) {
        size_t cursor = 0;
        struct json_value value;
        while (json_array_next(from->pages[page], &cursor, &value)) {
            add_candidate(merge, source, rank, &value);
        }
    }
}

/* Puts the client's name, plain, into merge->plain. False: the element is hidden. */
static bool choose_name(struct merge *merge, const struct candidate *candidate, bool *out_is_own) {
    const struct holder *holder = candidate->holder;
    const struct naming *naming = merge->naming;
    struct trunk_slice own = slice_of(holder->key, holder->key_len);
    bool is_prefixed = has_names(merge->list->kind) &&
                       (naming->strategy == NAMING_PREFIX ||
                        (naming->strategy == NAMING_CONFLICT && holder->count > 1));
    *out_is_own = !is_prefixed;
    buffer_clear(&merge->plain);
    if (is_prefixed) {
        names_generate(&merge->plain, naming, merge->sources[candidate->source].backend, own);
        return true;
    }
    buffer_append_slice(&merge->plain, own);
    return candidate->rank == holder->best_rank;
}

/* A name that was made up must not take the place of one that a backend gave. */
static bool is_anothers_own(const struct merge *merge) {
    const struct holder *holder = find_holder(merge, buffer_slice(&merge->plain));
    return merge->naming->strategy == NAMING_CONFLICT && holder != NULL && holder->count == 1;
}

/* The backend with the longer prefix that a made-up name begins with too; NULL: there is none. It
 * has the name even if it lists nothing, so that what others list never changes whose a name is. */
static const char *find_owner(const struct merge *merge, size_t source) {
    struct trunk_slice name = buffer_slice(&merge->plain);
    for (size_t i = 0; i < merge->nsources; i++) {
        const struct buffer *prefix = &merge->prefixes[i];
        if (prefix->len > merge->prefixes[source].len && prefix->len <= name.len &&
            memcmp(prefix->data, name.data, prefix->len) == 0) {
            return merge->sources[i].backend;
        }
    }
    return NULL;
}

static void tell_owner(struct merge *merge, const struct candidate *candidate, const char *owner) {
    char *why = xasprintf("its name begins like those of backend %s", owner);
    tell(merge, candidate->source, candidate->key, "left out", why);
    free(why);
}

static void append_element(struct merge *merge, const struct candidate *candidate, bool is_own) {
    struct list *list = merge->list;
    struct splices splices = {0};
    buffer_clear(&merge->encoded);
    if (!is_own) {
        json_string_encode(&merge->encoded, buffer_slice(&merge->plain));
        splices_add(&splices, candidate->key, buffer_slice(&merge->encoded));
    }
    for (size_t i = 0; i < candidate->nstrips; i++) {
        splices_add(&splices, candidate->strips[i], (struct trunk_slice){0});
    }
    buffer_append_cstr(&list->text, list->count > 0 ? "," : "");
    splice_append(&list->text, candidate->text, splices.items, splices.count);
}

static void emit(struct merge *merge, const struct candidate *candidate) {
    struct list *list = merge->list;
    struct trunk_slice name;
    bool is_own;
    if (!choose_name(merge, candidate, &is_own)) {
        tell(merge, candidate->source, candidate->key, "hidden",
             "a backend that comes first has one of that name");
        return;
    }
    const char *owner = is_own ? NULL : find_owner(merge, candidate->source);
    if (owner != NULL) {
        tell_owner(merge, candidate, owner);
        return;
    }
    name = buffer_slice(&merge->plain);
    struct route route = {merge->sources[candidate->source].leg, candidate->key, name};
    const struct route *kept = NULL;
    if (is_own || !is_anothers_own(merge)) {
        kept = routes_add(list->routes, name, &route);
    }
    if (kept == NULL) {
        tell(merge, candidate->source, candidate->key, "left out", "its name is taken");
        return;
    }
    append_element(merge, candidate, is_own);
    list->items[list->count++] = (struct item){kept, list->text.len};
    list->generation = XXH3_64bits_withSeed(name.data, name.len, list->generation + name.len);
}

static void begin_merge(struct merge *merge) {
    merge->logged = xcalloc(merge->nsources + 1, sizeof *merge->logged);
    merge->prefixes = xcalloc(merge->nsources + 1, sizeof *merge->prefixes);
    for (size_t i = 0; i < merge->nsources; i++) {
        names_append_prefix(&merge->prefixes[i], merge->naming, merge->sources[i].backend);
        collect(merge, i);
    }
}

static void end_merge(struct merge *merge) {
    for (size_t i = 0; i < merge->nsources; i++) {
        buffer_free(&merge->prefixes[i]);
        if (merge->logged[i] > MAX_LOGGED) {
            log_warn(merge->log, "catalogue", "more of its %s are left out backend=%s count=%zu",
                     kinds[merge->list->kind].info.member, merge->sources[i].backend,
                     merge->logged[i] - MAX_LOGGED);
        }
    }
    struct holder *holder = merge->holders;
    HASH_CLEAR(hh, merge->holders); /* frees the table only */
    while (holder != NULL) {
        struct holder *next = holder->hh.next;
        free(holder);
        holder = next;
    }
    free(merge->logged);
    free(merge->prefixes);
    free(merge->candidates);
    buffer_free(&merge->plain);
    buffer_free(&merge->encoded);
}

bool list_merge(struct list *list, const struct list_source *sources, size_t nsources,
                const struct naming *naming, struct log *log) {
    struct merge merge = {
        .list = list, .sources = sources, .nsources = nsources, .naming = naming, .log = log};
    struct buffer before = list->text;
    begin_merge(&merge);
    routes_free(list->routes);
    list->routes = routes_new();
    list->text = (struct buffer){0};
    list->items = xrealloc(list->items, (merge.ncandidates + 1) * sizeof *list->items);
    list->count = 0;
    list->generation = 0;
    for (size_t i = 0; i < merge.ncandidates; i++) {
        emit(&merge, &merge.candidates[i]);
    }
    end_merge(&merge);
    bool is_changed = !slice_equal(buffer_slice(&before), buffer_slice(&list->text));
    buffer_free(&before);
    return is_changed;
}

size_t list_count(const struct list *list) {
    return list->count;
}

const struct route *list_find(const struct list *list, struct trunk_slice key) {
    return routes_find(list->routes, key);
}

const struct route *list_at(const struct list *list, size_t index) {
    return list->items[index].route;
}

static uint64_t hash_key(const struct list *list, size_t index) {
    struct trunk_slice name = list->items[index].route->name;
    return XXH3_64bits(name.data, name.len);
}

/* Where the page of a cursor begins; SIZE_MAX: it is not one of this list. */
static size_t find_place(const struct list *list, struct trunk_slice text) {
    struct cursor cursor;
    if (!cursor_parse(text, &cursor) || cursor.kind != kinds[list->kind].cursor ||
        cursor.position == 0) {
        return SIZE_MAX;
    }
    size_t place = cursor.position;
    if (cursor.generation == list->generation) {
        return place <= list->count && hash_key(list, place - 1) == cursor.key ? place : SIZE_MAX;
    }
    for (size_t i = 0; i < list->count; i++) {
        if (hash_key(list, i) == cursor.key) {
            return i + 1;
        }
    }
    return place < list->count ? place : list->count;
}

bool list_append_page(const struct list *list, const struct trunk_slice *cursor, size_t page_size,
                      struct buffer *out) {
    size_t begin = cursor != NULL ? find_place(list, *cursor) : 0;
    if (begin == SIZE_MAX) {
        return false;
    }
    size_t end = list->count;
    if (page_size != 0 && page_size < end - begin) {
        end = begin + page_size;
    }
    buffer_printf(out, "{\"%s\":[", kinds[list->kind].info.member);
    if (end > begin) {
        size_t from = begin > 0 ? list->items[begin - 1].end + 1 : 0; /* behind the comma */
        buffer_append(out, list->text.data + from, list->items[end - 1].end - from);
    }
    buffer_append_cstr(out, "]");
    if (end < list->count) {
        struct cursor next = {kinds[list->kind].cursor, (uint32_t)end, list->generation,
                              hash_key(list, end - 1)};
        buffer_append_cstr(out, ",\"nextCursor\":\"");
        cursor_append(out, &next);
        buffer_append_cstr(out, "\"");
    }
    buffer_append_cstr(out, "}");
    return true;
}
