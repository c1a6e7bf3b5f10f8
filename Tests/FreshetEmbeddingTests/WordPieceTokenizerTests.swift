import Foundation
import FreshetEmbedding
import FreshetModel
import Testing

/// The model of set-up, which these tests read the vocabulary from.
let installedModel: String? = ModelLocation.standard().directory(of: "all-minilm-l6-v2")

@Suite("WordPiece tokenizer", .enabled(if: installedModel != nil, "the model is not installed; run scripts/setup"))
struct WordPieceTokenizerTests {
  struct Reference: Decodable {
    var text: String
    var ids: [Int32]
  }

  let tokenizer: WordPieceTokenizer
  let directory: String

  init() throws {
    directory = try #require(installedModel)
    tokenizer = try WordPieceTokenizer(contentsOf: directory + "/tokenizer.json")
  }

  private func references(at path: String) throws -> [Reference] {
    try Data(contentsOf: URL(fileURLWithPath: path)).split(separator: 0x0A).map {
      try JSONDecoder().decode(Reference.self, from: $0)
    }
  }

  @Test("gives the reference's ids for sentences in many scripts, marks in any order, controls and special tokens")
  func matchesGoldenFile() throws {
    let golden = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("Fixtures/wordpiece.jsonl").path
    let references = try references(at: golden)
    #expect(references.count > 200)
    for reference in references {
      #expect(
        tokenizer.encode(reference.text, maximumLength: .max) == reference.ids,
        "\(reference.text.debugDescription)"
      )
    }
  }

  @Test(
    "gives the reference's ids for the texts that scripts/check-tokenizer made",
    .enabled(if: ProcessInfo.processInfo.environment["FRESHET_TOKENIZER_REFERENCE"] != nil)
  )
  func matchesReferenceFile() throws {
    let path = try #require(ProcessInfo.processInfo.environment["FRESHET_TOKENIZER_REFERENCE"])
    let references = try references(at: path)
    var differences = 0
    for reference in references where tokenizer.encode(reference.text, maximumLength: .max) != reference.ids {
      differences += 1
      if differences <= 10 { Issue.record("\(reference.text.debugDescription)") }
    }
    print("tokenizer: \(references.count) texts, \(differences) differences")
    #expect(differences == 0)
  }

  @Test("reads the same from vocab.txt as from tokenizer.json")
  func readsBothFiles() throws {
    let other = try WordPieceTokenizer(contentsOf: directory + "/vocab.txt")
    #expect(other.vocabularyCount == tokenizer.vocabularyCount)
    for text in ["Straßenbahn [SEP] 東京 ##x", "unaffable", "e\u{301}\u{302e}"] {
      #expect(other.encode(text, maximumLength: 64) == tokenizer.encode(text, maximumLength: 64))
    }
  }

  @Test("cuts a long text at the maximum and keeps the separator", arguments: [2, 3, 10, 256])
  func truncates(maximum: Int) {
    let text = String(repeating: "unbelievably long ", count: 400)
    let whole = tokenizer.encode(text, maximumLength: .max)
    let cut = tokenizer.encode(text, maximumLength: maximum)
    #expect(cut.count == maximum)
    #expect(cut.dropLast() == whole.prefix(maximum - 1))
    #expect(cut.last == whole.last)
  }

  @Test("keeps the two special tokens when the maximum is below two", arguments: [-1, 0, 1])
  func keepsSpecialTokens(maximum: Int) {
    #expect(tokenizer.encode("word", maximumLength: maximum) == [101, 102])
  }

  @Test("counts what it would encode, up to a limit")
  func counts() {
    for text in ["", "one", "Ein längerer Satz, mit Zeichen.", String(repeating: "a", count: 500)] {
      #expect(tokenizer.count(text) == tokenizer.encode(text, maximumLength: .max).count)
    }
    #expect(tokenizer.count(String(repeating: "a ", count: 1000), limit: 100) == 100)
  }

  @Test(
    "reads bytes that are no UTF-8 to their end without a trap",
    arguments: [[0xFF], [0xC3], [0xE2, 0x82], [0xF0, 0x9F, 0x98], [0xF7, 0xBF, 0xBF, 0xBF], [0xC3, 0x28]] as [[UInt8]]
  )
  func survivesInvalidBytes(bytes: [UInt8]) {
    let ids = (bytes + Array("a".utf8)).withUnsafeBufferPointer { tokenizer.encode(utf8: $0, maximumLength: 16) }
    #expect(ids.first == 101)
    #expect(ids.last == 102)
  }

  @Test("keeps marks without end in linear memory and bounded time")
  func survivesManyMarks() {
    let marks = String(repeating: "\u{302E}\u{1BAA}", count: 50_000)
    #expect(tokenizer.encode("a" + marks, maximumLength: 8) == [101, 100, 102])
  }

  @Test("refuses other tokenizers with a sentence")
  func refusesOthers() throws {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    let file = directory.appendingPathComponent("tokenizer.json")
    for text in [#"{"model":{"type":"BPE","vocab":{}}}"#, "{", "[]", #"{"model":{"type":"WordPiece","vocab":{}}}"#] {
      try Data(text.utf8).write(to: file)
      let error = #expect(throws: FreshetError.self) { try WordPieceTokenizer(contentsOf: file.path) }
      #expect(error?.code == .modelUnavailable)
      #expect(error?.path == file.path)
    }
    let error = #expect(throws: FreshetError.self) {
      try WordPieceTokenizer(contentsOf: directory.path + "/absent.json")
    }
    #expect(error?.code == .modelUnavailable)
  }
}
