import FreshetModel

/// The uncased BERT tokenizer: text to WordPiece ids, id for id as Hugging Face `tokenizers` does it.
///
/// A value without mutable state, to be shared by any number of threads. It works on UTF-8 and makes no strings.
/// `scripts/check-tokenizer` compares it with the original over natural text in many scripts and random Unicode.
public struct WordPieceTokenizer: Sendable {
  /// A token that text is searched for before anything else, `[SEP]` for example.
  struct AddedToken: Sendable {
    var bytes: [UInt8]
    var id: Int32
  }

  /// Ids around each text and for words that have no pieces.
  struct SpecialIDs: Sendable {
    var classification: Int32
    var separator: Int32
    var unknown: Int32
  }

  let vocabulary: WordPieceVocabulary
  let added: [AddedToken]
  let special: SpecialIDs
  /// Scalars of a word above which it is unknown as a whole.
  let maximumWordLength: Int
  let characters = BertCharacters.uncased

  /// One more than the highest id.
  public let vocabularyCount: Int

  init(
    vocabulary: WordPieceVocabulary,
    vocabularyCount: Int,
    added: [AddedToken],
    special: SpecialIDs,
    maximumWordLength: Int
  ) {
    self.vocabulary = vocabulary
    self.vocabularyCount = vocabularyCount
    self.added = added
    self.special = special
    self.maximumWordLength = maximumWordLength
  }

  /// The ids of a text with `[CLS]` before and `[SEP]` after, at most `maximumLength` in all.
  ///
  /// A longer text is cut at its end; at least the two are returned, whatever the maximum. Only as much of the text is
  /// read as the maximum needs.
  public func encode(_ text: String, maximumLength: Int) -> [Int32] {
    var text = text
    return text.withUTF8 { encode(utf8: $0, maximumLength: maximumLength) }
  }

  /// The same for valid UTF-8 in memory.
  public func encode(utf8 text: UnsafeBufferPointer<UInt8>, maximumLength: Int) -> [Int32] {
    let limit = max(maximumLength - 2, 0)
    var run = WordPieceRun(tokenizer: self, limit: limit, keepsIDs: true)
    run.ids.reserveCapacity(min(limit, text.count / 3 + 1) + 2)
    run.ids.append(special.classification)
    run.read(text)
    run.ids.append(special.separator)
    return run.ids
  }

  /// How many ids a text has, with `[CLS]` and `[SEP]`, when nothing is cut; counting stops at `limit`.
  public func count(_ text: String, limit: Int = .max) -> Int {
    var text = text
    var run = WordPieceRun(tokenizer: self, limit: limit == .max ? .max : max(limit - 2, 0), keepsIDs: false)
    text.withUTF8 { run.read($0) }
    return run.count + 2
  }
}
