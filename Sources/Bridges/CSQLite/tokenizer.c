// The keyword tokenizer, and its registration with FTS5 as 'freshet'.
//
// Positions: every word, and every pair of CJK characters, has its own. The parts of an identifier (maxDeleteRatio,
// max_delete_ratio, sync.max_delete_ratio) stand at the place of the whole. The last character of a CJK run stands at
// the place of its last pair, so that every character starts a token and a prefix query finds it.
#include "CSQLite.h"
#include "postings.h"
#include "unicode_tables.h"

#include <string.h>

enum {
  class_separator = 0,
  class_word = 1,
  class_dropped = 2,
  class_cjk = 3,
  // A longer token is cut: nobody searches for it, and FTS5 has a limit of its own.
  token_bytes_max = 128,
  // More parts of one identifier are left out.
  parts_max = 24,
};

typedef struct {
  const unsigned char *text;
  int count;
  int purpose;
  void *context;
  freshet_token_receiver receiver;
} tokenization;

typedef struct {
  char bytes[token_bytes_max + 4];
  int count;
  int start, end;
} token;

typedef struct {
  uint32_t code;
  int length;  // bytes; 1 for a byte that is not UTF-8
  int kind;
} character;

static int class_of(uint32_t code) {
  int low = 0, high = freshet_class_range_count - 1;
  while (low <= high) {
    int middle = (low + high) / 2;
    const freshet_class_range *range = &freshet_class_ranges[middle];
    if (code < range->first) high = middle - 1;
    else if (code > range->last) low = middle + 1;
    else return range->kind;
  }
  return class_separator;
}

static uint32_t folded(uint32_t code) {
  int low = 0, high = freshet_fold_range_count - 1;
  while (low <= high) {
    int middle = (low + high) / 2;
    const freshet_fold_range *range = &freshet_fold_ranges[middle];
    uint32_t last = range->first + (uint32_t)(range->count - 1) * range->step;
    if (code < range->first) high = middle - 1;
    else if (code > last) low = middle + 1;
    else return (code - range->first) % range->step ? code : (uint32_t)((int64_t)code + range->delta);
  }
  return code;
}

static int is_ascii_word(unsigned char byte) {
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9');
}

static character read_character(const tokenization *state, int at) {
  const unsigned char *text = state->text + at;
  int rest = state->count - at;
  unsigned char lead = text[0];
  if (lead < 0x80) return (character){lead, 1, is_ascii_word(lead) ? class_word : class_separator};
  int length = lead >= 0xF0 && lead < 0xF5 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC2 ? 2 : 0;
  if (lead >= 0xF5) length = 0;
  if (!length || rest < length) return (character){0, 1, class_separator};
  uint32_t code = lead & (0xFF >> (length + 1));
  for (int index = 1; index < length; index++) {
    if ((text[index] & 0xC0) != 0x80) return (character){0, 1, class_separator};
    code = code << 6 | (text[index] & 0x3F);
  }
  if ((length == 3 && code < 0x800) || (length == 4 && code < 0x10000) || code > 0x10FFFF
      || (code >= 0xD800 && code <= 0xDFFF))
    return (character){0, 1, class_separator};
  return (character){code, length, class_of(code)};
}

static void append(token *token, uint32_t code) {
  if (token->count >= token_bytes_max) return;
  char *bytes = token->bytes + token->count;
  if (code < 0x80) {
    bytes[0] = (char)code;
    token->count += 1;
  } else if (code < 0x800) {
    bytes[0] = (char)(0xC0 | code >> 6);
    bytes[1] = (char)(0x80 | (code & 0x3F));
    token->count += 2;
  } else if (code < 0x10000) {
    bytes[0] = (char)(0xE0 | code >> 12);
    bytes[1] = (char)(0x80 | (code >> 6 & 0x3F));
    bytes[2] = (char)(0x80 | (code & 0x3F));
    token->count += 3;
  } else {
    bytes[0] = (char)(0xF0 | code >> 18);
    bytes[1] = (char)(0x80 | (code >> 12 & 0x3F));
    bytes[2] = (char)(0x80 | (code >> 6 & 0x3F));
    bytes[3] = (char)(0x80 | (code & 0x3F));
    token->count += 4;
  }
}

static int emit(const tokenization *state, const token *token, int is_colocated) {
  if (!token->count) return 0;
  return state->receiver(state->context, is_colocated, token->bytes, token->count, token->start, token->end);
}

// A run of CJK characters as overlapping pairs; `*at` is at its first character, then after its last.
static int tokenize_cjk(const tokenization *state, int *at, character first) {
  int start = *at, index = start + first.length, pairs = 0;
  uint32_t previous = folded(first.code);
  int previous_start = start;
  while (index < state->count) {
    character next = read_character(state, index);
    if (next.kind == class_dropped) {
      index += next.length;
      continue;
    }
    if (next.kind != class_cjk) break;
    uint32_t code = folded(next.code);
    token pair = {.count = 0, .start = previous_start, .end = index + next.length};
    append(&pair, previous);
    append(&pair, code);
    int status = emit(state, &pair, 0);
    if (status) return status;
    pairs++;
    previous = code;
    previous_start = index;
    index += next.length;
  }
  *at = index;
  if (pairs && state->purpose == FRESHET_TOKENIZE_QUERY) return 0;
  token last = {.count = 0, .start = previous_start, .end = index};
  append(&last, previous);
  return emit(state, &last, pairs > 0);
}

// A word or an identifier; `*at` is at its first character, then after its last.
static int tokenize_word(const tokenization *state, int *at) {
  token whole = {.count = 0, .start = *at};
  token parts[parts_max];
  int part_count = 1, joined = 0, index = *at;
  int was_lower = 0, was_upper = 0;  // the character before, within the part
  parts[0] = (token){.count = 0, .start = index};
  while (index < state->count) {
    unsigned char byte = state->text[index];
    character next;
    if (byte < 0x80) {
      next = (character){byte, 1, is_ascii_word(byte) ? class_word : class_separator};
    } else {
      next = read_character(state, index);
    }
    if (next.kind == class_dropped) {
      index += next.length;
      continue;
    }
    token *part = &parts[part_count - 1];
    if (next.kind != class_word) {
      // One of these between two characters of a word holds an identifier together.
      if ((byte == '_' || byte == '.') && index + 1 < state->count) {
        int after = index;
        while (after < state->count && state->text[after] == '_') after++;
        if (byte == '.') after = index + 1;
        if (after < state->count && read_character(state, after).kind == class_word) {
          part->end = index;
          for (; index < after; index++) append(&whole, state->text[index]);
          joined = 1;
          was_lower = was_upper = 0;
          if (part_count < parts_max) parts[part_count++] = (token){.count = 0, .start = index};
          continue;
        }
      }
      break;
    }
    uint32_t code = next.code;
    if (code < 0x80) {
      int upper = code >= 'A' && code <= 'Z', lower = code >= 'a' && code <= 'z';
      // fooBar, and HTTPServer before its last capital.
      int starts_part = upper && was_lower;
      if (upper && was_upper && index + 1 < state->count && state->text[index + 1] >= 'a'
          && state->text[index + 1] <= 'z' && part->count > 0)
        starts_part = 1;
      if (starts_part && part_count < parts_max) {
        part->end = index;
        part = &parts[part_count++];
        *part = (token){.count = 0, .start = index};
        joined = 1;
      }
      was_lower = lower;
      was_upper = upper;
      if (upper) code += 'a' - 'A';
    } else {
      uint32_t fold = folded(code);
      int upper = fold != code;
      if (upper && was_lower && part_count < parts_max && fold >= 0x80 && part->count > 0) {
        part->end = index;
        part = &parts[part_count++];
        *part = (token){.count = 0, .start = index};
        joined = 1;
      }
      was_upper = 0;
      was_lower = !upper;
      code = fold;
    }
    append(&whole, code);
    append(part, code);
    index += next.length;
  }
  *at = index;
  whole.end = index;
  parts[part_count - 1].end = index;
  int status = emit(state, &whole, 0);
  if (status || !joined || state->purpose == FRESHET_TOKENIZE_QUERY) return status;
  for (int part = 0; part < part_count && !status; part++) {
    int is_repeated = 0;
    for (int other = 0; other < part && !is_repeated; other++)
      is_repeated = parts[other].count == parts[part].count
                    && !memcmp(parts[other].bytes, parts[part].bytes, (size_t)parts[part].count);
    if (!is_repeated) status = emit(state, &parts[part], 1);
  }
  return status;
}

int freshet_tokenize(const char *text, int count, int purpose, void *context, freshet_token_receiver receiver) {
  tokenization state = {(const unsigned char *)text, count, purpose, context, receiver};
  int at = 0;
  while (at < count) {
    unsigned char byte = state.text[at];
    if (byte < 0x80 && !is_ascii_word(byte)) {
      at++;
      continue;
    }
    character next = read_character(&state, at);
    int status = 0;
    if (next.kind == class_cjk) status = tokenize_cjk(&state, &at, next);
    else if (next.kind == class_word) status = tokenize_word(&state, &at);
    else at += next.length;
    if (status) return status;
  }
  return 0;
}

// MARK: FTS5

typedef struct {
  void *context;
  int (*receiver)(void *, int, const char *, int, int, int);
} fts5_receiver;

static int pass_on(void *context, int is_colocated, const char *bytes, int count, int start, int end) {
  fts5_receiver *fts5 = context;
  return fts5->receiver(fts5->context, is_colocated ? FTS5_TOKEN_COLOCATED : 0, bytes, count, start, end);
}

static int create(void *context, const char **arguments, int count, Fts5Tokenizer **out) {
  (void)context, (void)arguments, (void)count;
  static char nothing;
  *out = (Fts5Tokenizer *)&nothing;
  return SQLITE_OK;
}

static void destroy(Fts5Tokenizer *tokenizer) { (void)tokenizer; }

static int tokenize(
  Fts5Tokenizer *tokenizer,
  void *context,
  int flags,
  const char *text,
  int count,
  int (*receiver)(void *, int, const char *, int, int, int)
) {
  (void)tokenizer;
  fts5_receiver fts5 = {context, receiver};
  int purpose = flags & FTS5_TOKENIZE_QUERY ? FRESHET_TOKENIZE_QUERY : FRESHET_TOKENIZE_DOCUMENT;
  return freshet_tokenize(text, count, purpose, &fts5, pass_on);
}

int freshet_register_tokenizer(sqlite3 *database) {
  fts5_api *api = 0;
  sqlite3_stmt *statement = 0;
  int status = sqlite3_prepare_v2(database, "SELECT fts5(?1)", -1, &statement, 0);
  if (status != SQLITE_OK) return status;
  sqlite3_bind_pointer(statement, 1, (void *)&api, "fts5_api_ptr", 0);
  sqlite3_step(statement);
  status = sqlite3_finalize(statement);
  if (status != SQLITE_OK) return status;
  if (!api) return SQLITE_ERROR;
  fts5_tokenizer ours = {create, destroy, tokenize};
  status = api->xCreateTokenizer(api, "freshet", 0, &ours, 0);
  return status == SQLITE_OK ? freshet_register_postings(api) : status;
}
