import FreshetFormats
import FreshetModel

extension WordPieceTokenizer {
  /// Bytes above which a tokenizer's file is refused. The tries count nodes in 24 bits, and no file of this size makes
  /// more of them, since a piece is entered at most twice.
  static let maximumFileSize = 8 << 20

  /// Reads a tokenizer from a `tokenizer.json` (Hugging Face), or from a `vocab.txt` with one piece a line, which says
  /// nothing of the normaliser and is taken as uncased BERT's.
  ///
  /// - Throws: `FreshetError` with `model_unavailable` when the file cannot be read or is malformed, or when it
  ///   describes another tokenizer than uncased BERT's.
  public init(contentsOf path: String) throws {
    let bytes = try ModelFile.bytes(of: path, maximumSize: Self.maximumFileSize)
    do {
      if path.hasSuffix(".txt") {
        try self.init(vocabulary: bytes)
      } else {
        try self.init(json: bytes)
      }
    } catch let error as FreshetError {
      throw error.about(path)
    }
  }

  /// The tokenizer of a `vocab.txt`: the id of a piece is its line.
  init(vocabulary bytes: [UInt8]) throws {
    var pieces: [(ArraySlice<UInt8>, Int32)] = []
    var lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
    if lines.last?.isEmpty == true { lines.removeLast() }
    for (number, line) in lines.enumerated() {
      pieces.append((line.last == 0x0D ? line.dropLast() : line, Int32(number)))
    }
    let names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    try self.init(pieces: pieces, added: names, unknown: "[UNK]", prefix: "##", maximumWordLength: 100)
  }

  /// The tokenizer of a `tokenizer.json`.
  init(json bytes: [UInt8]) throws {
    let root: JSONValue
    do {
      root = try JSONReader.value(bytes)
    } catch {
      throw FreshetError(.modelUnavailable, "the tokenizer is not valid JSON; fetch the model again")
    }
    try Self.check(root)
    guard let model = root["model"], case .object(let members)? = model["vocab"] else {
      throw Self.refusal("it has no vocabulary")
    }
    var pieces: [([UInt8], Int32)] = []
    pieces.reserveCapacity(members.count)
    for member in members {
      guard case .integer(let value) = member.value, let id = Int32(exactly: value), id >= 0 else {
        throw Self.refusal("a piece has no valid id")
      }
      pieces.append((Array(member.name.utf8), id))
    }
    var added: [String] = []
    if case .array(let tokens)? = root["added_tokens"] {
      for token in tokens {
        guard let content = token["content"]?.text, content.hasPrefix("["), token["normalized"]?.flag != true,
          token["lstrip"]?.flag != true, token["rstrip"]?.flag != true, token["single_word"]?.flag != true
        else { throw Self.refusal("it has an added token that is not a plain one in brackets") }
        added.append(content)
      }
    }
    var maximum = 100
    if case .integer(let value)? = model["max_input_chars_per_word"] { maximum = Int(clamping: value) }
    try self.init(
      pieces: pieces,
      added: added,
      unknown: model["unk_token"]?.text ?? "[UNK]",
      prefix: model["continuing_subword_prefix"]?.text ?? "##",
      maximumWordLength: min(max(maximum, 1), 4096)
    )
  }

  private init(
    pieces: [(some Collection<UInt8>, Int32)],
    added: [String],
    unknown: String,
    prefix: String,
    maximumWordLength: Int
  ) throws {
    var vocabulary = WordPieceVocabulary(capacity: pieces.count)
    let prefix = Array(prefix.utf8)
    for (piece, id) in pieces where !piece.isEmpty {
      if piece.starts(with: prefix) {
        vocabulary.insert(piece.dropFirst(prefix.count), id: id, at: WordPieceVocabulary.continuation)
      }
      // Also as it stands: a prefix is no prefix at the beginning of a word.
      vocabulary.insert(piece, id: id, at: WordPieceVocabulary.beginning)
    }
    func id(_ name: String) throws -> Int32 {
      guard let id = vocabulary.id(of: name.utf8) else { throw Self.refusal("its vocabulary lacks \(name)") }
      return id
    }
    // The longest first, as the first that fits is taken.
    let tokens = try added.map { AddedToken(bytes: Array($0.utf8), id: try id($0)) }
    self.init(
      vocabulary: vocabulary,
      vocabularyCount: Int(pieces.reduce(-1) { max($0, $1.1) }) + 1,
      added: tokens.sorted { $0.bytes.count > $1.bytes.count },
      special: SpecialIDs(classification: try id("[CLS]"), separator: try id("[SEP]"), unknown: try id(unknown)),
      maximumWordLength: maximumWordLength
    )
  }

  /// Refuses what is not uncased BERT, since its ids would silently be others.
  private static func check(_ root: JSONValue) throws {
    let kind = root["model"]?["type"]?.text
    guard kind == "WordPiece" || kind == nil && root["model"]?["continuing_subword_prefix"] != nil else {
      throw refusal("its model is \(kind ?? "unnamed"), and only WordPiece is built in so far")
    }
    guard let normalizer = root["normalizer"], normalizer["type"]?.text == "BertNormalizer",
      normalizer["clean_text"]?.flag == true, normalizer["handle_chinese_chars"]?.flag == true,
      normalizer["lowercase"]?.flag == true, normalizer["strip_accents"]?.flag != false
    else { throw refusal("its normaliser is not uncased BERT's") }
    guard root["pre_tokenizer"]?["type"]?.text == "BertPreTokenizer" else {
      throw refusal("its words are not separated as BERT's")
    }
  }

  private static func refusal(_ reason: String) -> FreshetError {
    FreshetError(
      .modelUnavailable,
      "this tokenizer cannot be used: \(reason); choose a model with an uncased BERT tokenizer, or serve it over HTTP"
    )
  }
}

extension JSONValue {
  /// The string that it is, or nil.
  var text: String? {
    if case .string(let value) = self { value } else { nil }
  }

  /// The truth value that it is, or nil.
  var flag: Bool? {
    if case .boolean(let value) = self { value } else { nil }
  }
}
