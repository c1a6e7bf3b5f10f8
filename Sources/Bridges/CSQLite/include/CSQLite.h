// SQLite, with what Swift cannot import of it (variadic calls, the destructor constants), and the keyword tokenizer.
#pragma once
#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

// sqlite3_db_config is variadic.
static inline int freshet_sqlite_configure(sqlite3 *database, int option, int value) {
  return sqlite3_db_config(database, option, value, (int *)0);
}

// sqlite3_config is variadic. Without statistics every allocation is spared a lock of the whole process. Has an effect
// only before the first connection.
static inline int freshet_sqlite_disable_memory_statistics(void) { return sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); }

// SQLITE_TRANSIENT and SQLITE_STATIC are casts that Swift does not import. A length of 0 must not become NULL.
static inline int freshet_bind_text(sqlite3_stmt *statement, int index, const char *text, size_t count) {
  return sqlite3_bind_text64(statement, index, count ? text : "", count, SQLITE_TRANSIENT, SQLITE_UTF8);
}
static inline int freshet_bind_blob(sqlite3_stmt *statement, int index, const void *bytes, size_t count) {
  return count ? sqlite3_bind_blob64(statement, index, bytes, count, SQLITE_TRANSIENT)
               : sqlite3_bind_zeroblob(statement, index, 0);
}
// The caller keeps the bytes alive until the statement is reset and its bindings are cleared.
static inline int freshet_bind_blob_uncopied(sqlite3_stmt *statement, int index, const void *bytes, size_t count) {
  return count ? sqlite3_bind_blob64(statement, index, bytes, count, SQLITE_STATIC)
               : sqlite3_bind_zeroblob(statement, index, 0);
}

// What a token is given for: a document's text, or a query, which gets no parts beside the whole.
enum { FRESHET_TOKENIZE_DOCUMENT = 0, FRESHET_TOKENIZE_QUERY = 1 };

// Receives a token: its folded UTF-8, its place in the text, and whether it stands at the place of the token before.
// Returns 0 to go on.
typedef int (*freshet_token_receiver)(
  void *context, int is_colocated, const char *token, int count, int start, int end);

// Cuts UTF-8 text into tokens: words folded to lower case without diacritics, CJK as overlapping pairs, identifiers
// whole and by their parts. Invalid UTF-8 separates. Returns 0, or what the receiver returned when it stopped.
int freshet_tokenize(const char *text, int count, int purpose, void *context, freshet_token_receiver receiver);

// Makes the tokenizer 'freshet' and the function 'freshet_postings' known to FTS5 on this connection. Returns a result
// code of SQLite.
int freshet_register_tokenizer(sqlite3 *database);

// A posting is one number: row, weight (occurrences, those in the first column times its weight), and length of the row
// in tokens, 0 when it was not looked up. Postings in the order of their numbers are in the order of their rows.
enum {
  FRESHET_POSTING_ROW_BITS = 36,
  FRESHET_POSTING_WEIGHT_BITS = 12,
  FRESHET_POSTING_LENGTH_BITS = 16,
  FRESHET_POSTING_WEIGHT_MAX = (1 << FRESHET_POSTING_WEIGHT_BITS) - 1,
  FRESHET_POSTING_LENGTH_MAX = (1 << FRESHET_POSTING_LENGTH_BITS) - 1,
};
static inline uint64_t freshet_posting(uint64_t row, uint64_t weight, uint64_t length) {
  return row << (FRESHET_POSTING_WEIGHT_BITS + FRESHET_POSTING_LENGTH_BITS) | weight << FRESHET_POSTING_LENGTH_BITS
         | length;
}

// The postings of the one phrase that a statement matches, in ascending order of rows:
//   SELECT freshet_postings(t, ?2) FROM t WHERE t MATCH ?1 LIMIT 1
typedef struct {
  // Set before: what an occurrence in the first column counts, and how many of the first postings get their length.
  int first_column_weight;
  size_t lengths_max;
  // Set when the phrase occurs at all: rows and tokens of the whole index, and the postings.
  sqlite3_int64 rows, tokens;
  uint64_t *items;
  size_t count, capacity;
} freshet_postings;

// The structure must stay where it is until the statement is reset. Returns a result code of SQLite.
int freshet_bind_postings(sqlite3_stmt *statement, int index, freshet_postings *postings);
void freshet_free_postings(freshet_postings *postings);

// The name of a file layer (VFS) for reading where shared memory cannot be made: SQLite then keeps the index of the log
// in its own memory (`PRAGMA locking_mode = EXCLUSIVE` before the first access), and makes and writes no file. The caller
// keeps writers out as long as a connection over it is open, and disables the checkpoint on close.
#define FRESHET_UNSHARED_FILES "freshet-unshared"

// Makes that file layer known. Once in a process, before its first use. Returns a result code of SQLite.
int freshet_register_unshared_files(void);
