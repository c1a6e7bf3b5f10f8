// Reads where a term of the keyword index occurs, in one pass over its list: FTS5's own bm25() makes two, and looks the
// length of every matching row up in a table, which costs ten times the pass.
#include "postings.h"

#include <stdlib.h>

static const char pointer_type[] = "freshet_postings";

static int append(freshet_postings *postings, uint64_t item) {
  if (postings->count == postings->capacity) {
    size_t capacity = postings->capacity ? 2 * postings->capacity : 256;
    uint64_t *items = realloc(postings->items, capacity * sizeof *items);
    if (!items) return SQLITE_NOMEM;
    postings->items = items;
    postings->capacity = capacity;
  }
  postings->items[postings->count++] = item;
  return SQLITE_OK;
}

static int receive(const Fts5ExtensionApi *api, Fts5Context *context, void *user) {
  freshet_postings *postings = user;
  sqlite3_int64 row = api->xRowid(context);
  if (row < 0 || row >= (sqlite3_int64)1 << FRESHET_POSTING_ROW_BITS) return SQLITE_CORRUPT_VTAB;
  uint64_t weight = 0, length = 0;
  Fts5PhraseIter iterator;
  int column, offset;
  int status = api->xPhraseFirst(context, 0, &iterator, &column, &offset);
  if (status != SQLITE_OK) return status;
  for (; column >= 0; api->xPhraseNext(context, &iterator, &column, &offset))
    weight += column == 0 ? (uint64_t)postings->first_column_weight : 1;
  if (weight > FRESHET_POSTING_WEIGHT_MAX) weight = FRESHET_POSTING_WEIGHT_MAX;
  if (postings->count < postings->lengths_max) {
    int tokens;
    status = api->xColumnSize(context, -1, &tokens);
    if (status != SQLITE_OK) return status;
    length = tokens < 1 ? 1 : tokens > FRESHET_POSTING_LENGTH_MAX ? FRESHET_POSTING_LENGTH_MAX : (uint64_t)tokens;
  }
  return append(postings, freshet_posting((uint64_t)row, weight, length));
}

static void read_postings(
  const Fts5ExtensionApi *api,
  Fts5Context *context,
  sqlite3_context *result,
  int count,
  sqlite3_value **values
) {
  freshet_postings *postings = count == 1 ? sqlite3_value_pointer(values[0], pointer_type) : 0;
  if (!postings) {
    sqlite3_result_error(result, "freshet_postings is not for use in statements of others", -1);
    return;
  }
  int status = api->xRowCount(context, &postings->rows);
  if (status == SQLITE_OK) status = api->xColumnTotalSize(context, -1, &postings->tokens);
  if (status == SQLITE_OK) status = api->xQueryPhrase(context, 0, postings, receive);
  if (status != SQLITE_OK) sqlite3_result_error_code(result, status);
}

int freshet_bind_postings(sqlite3_stmt *statement, int index, freshet_postings *postings) {
  return sqlite3_bind_pointer(statement, index, postings, pointer_type, 0);
}

void freshet_free_postings(freshet_postings *postings) {
  free(postings->items);
  postings->items = 0;
  postings->count = postings->capacity = 0;
}

int freshet_register_postings(fts5_api *api) {
  return api->xCreateFunction(api, "freshet_postings", 0, read_postings, 0);
}
