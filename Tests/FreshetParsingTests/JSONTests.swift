import FreshetFormats
import FreshetModel
import FreshetParsing
import Testing

@Suite struct JSONTests {
  private let registry = StandardParserRegistry()

  @Test func anObjectIsADocument() async throws {
    let outcome = try await registry.outcome(
      of: #"{"title":"T","content":"One\r\n\r\nTwo \u00e9\ud83d\ude00","#
        + #""team":"ops","n":2,"tags":["a"],"deep":{"x":1}}"#,
      path: "a.json"
    )
    let page = try outcome.rendition
    #expect(page.outline == ["paragraph: One", "paragraph: Two é😀"])
    #expect(page.title == "T")
    #expect(page.metadata == ["team": "ops", "n": 2, "tags": ["a"]])
    #expect(outcome.documents[0].member == nil)
    #expect(outcome.documents[0].content == nil)
  }

  @Test func anArrayHoldsMembersNamedByIdentifierOrHash() async throws {
    let source = #"[{"id":"a","text":"A"}, {"id":7,"text":"B"},{"text":"C"},"D",{"id":"e","other":1}]"#
    let outcome = try await registry.outcome(of: source, path: "a.json")
    #expect(outcome.error == nil)
    #expect(
      outcome.documents.map { $0.content.map { String(decoding: $0, as: UTF8.self) } ?? "" } == [
        #"{"id":"a","text":"A"}"#, #"{"id":7,"text":"B"}"#, #"{"text":"C"}"#, #""D""#, #"{"id":"e","other":1}"#,
      ]
    )
    #expect(outcome.documents[0].member == "a")
    #expect(outcome.documents[1].member == "7")
    #expect(outcome.documents[2].member?.utf8.count == 64)
    #expect(try outcome.documents[3].rendition.get().text == "D")
    #expect { try outcome.documents[4].rendition.get() } throws: { ($0 as? FreshetError)?.code == .noText }
  }

  @Test func moreMembersBeforeOneDoNotChangeItsName() async throws {
    let one = try await registry.outcome(of: #"[{"text":"C"}]"#, path: "a.json")
    let two = try await registry.outcome(of: #"[{"text":"new"},{"text":"C"}]"#, path: "a.json")
    #expect(one.documents[0].member == two.documents[1].member)
  }

  @Test func aSecondMemberOfTheSameNameFailsUnlessItIsTheSame() async throws {
    let source = #"[{"id":"a","text":"A"},{"id":"a","text":"A"},{"id":"a","text":"B"}]"#
    let outcome = try await registry.outcome(of: source, path: "a.json")
    #expect(outcome.documents.count == 2)
    #expect(outcome.documents[1].member?.utf8.count == 64)
    #expect { try outcome.documents[1].rendition.get() } throws: { ($0 as? FreshetError)?.code == .duplicateOrigin }
  }

  @Test func aBrokenLineFailsAloneButTheFileIsNotComplete() async throws {
    let source = "{\"id\":1,\"text\":\"A\"}\n\n{broken\n{\"id\":2,\"text\":\"B\"}\n"
    let outcome = try await registry.outcome(of: source, path: "a.jsonl")
    #expect(outcome.documents.map { $0.member?.utf8.count } == [1, 64, 1])
    #expect { try outcome.documents[1].rendition.get() } throws: { ($0 as? FreshetError)?.code == .parserFailed }
    #expect(outcome.error?.code == .partlyRead)
    #expect(outcome.error?.message.contains("line 3") == true)
    #expect(outcome.error?.path == "a.jsonl")
    #expect(try await registry.outcome(of: "{broken\n", path: "a.jsonl").error?.code == .parserFailed)
  }

  @Test func fieldsAreConfigurable() async throws {
    let options = JSONOptions(text: ["article.body"], title: ["article.head"], identifier: ["article.no"])
    let registry = StandardParserRegistry(options: ParsingOptions(json: options))
    let outcome = try await registry.outcome(
      of: #"[{"article":{"body":["One","Two"],"head":"H","no":9}}]"#,
      path: "a.json"
    )
    #expect(outcome.documents[0].member == "9")
    #expect(try outcome.rendition.outline == ["paragraph: One", "paragraph: Two"])
    #expect(try outcome.rendition.title == "H")
    #expect(registry.fingerprint != StandardParserRegistry().fingerprint)
  }

  @Test func recordsOfAnObjectAreMembers() async throws {
    let registry = StandardParserRegistry(options: ParsingOptions(json: JSONOptions(records: "data.items")))
    let source = #"{"n":[1],"data":{"next":null,"items":[{"id":"a","text":"A"},{"id":"b","text":"B"}],"x":1},"y":[]}"#
    let outcome = try await registry.outcome(of: source, path: "a.json")
    #expect(outcome.error == nil)
    #expect(outcome.documents.map(\.member) == ["a", "b"])
    #expect(outcome.documents.first?.content == Array(#"{"id":"a","text":"A"}"#.utf8))
    // An object without the list, and a file that is a list itself, are read as ever.
    #expect(try await registry.outcome(of: #"{"text":"A"}"#, path: "a.json").rendition.outline == ["paragraph: A"])
    #expect(
      try await registry.outcome(of: #"[{"id":"c","text":"C"}]"#, path: "a.json").documents.map(\.member) == ["c"]
    )
    let broken = try await registry.outcome(of: #"{"data":{"items":[{"id":"a","text":"A"}]},"#, path: "a.json")
    #expect(broken.error?.code == .parserFailed && broken.documents.isEmpty)
    #expect(registry.fingerprint != StandardParserRegistry().fingerprint)
  }

  @Test(arguments: [
    "{\"a\":1", "[1,]", "{\"a\" 1}", "nul", "[1] 2", "\"\u{01}\"", "{\"a\":01}", "\"\\x\"", "{,}", "[\"\\ud800",
  ])
  func whatIsNotJSONIsRefused(_ source: String) async throws {
    let outcome = try await registry.outcome(of: source, path: "a.json")
    #expect(outcome.error?.code == .parserFailed)
  }

  @Test func withoutATextFieldThereIsNoText() async throws {
    for source in [#"{"name":"x"}"#, #"{"text":" "}"#, #"{"text":3}"#, "12", ""] {
      #expect(try await registry.outcome(of: source, path: "a.json").error?.code == .noText, "\(source)")
    }
  }

  @Test func deepNestingIsRefused() async throws {
    let deep = String(repeating: "[", count: 1_000_000)
    let outcome = try await registry.outcome(of: deep, path: "a.json")
    #expect(outcome.error?.code == .tooComplex)
    let objects = String(repeating: #"{"a":"#, count: 1_000_000)
    #expect(try await registry.outcome(of: objects, path: "a.json").error?.code == .tooComplex)
    let lines = try await registry.outcome(of: deep + "\n{\"text\":\"good\"}", path: "a.jsonl")
    #expect { try lines.documents[0].rendition.get() } throws: { ($0 as? FreshetError)?.code == .tooComplex }
    #expect(try lines.documents[1].rendition.get().text == "good")
  }

  @Test func whatJSONValueWritesIsReadBack() throws {
    var generator = SeededGenerator(seed: 3)
    func value(_ depth: Int) -> JSONValue {
      switch Int.random(in: 0..<(depth > 4 ? 5 : 7), using: &generator) {
      case 0: .null
      case 1: .boolean(Bool.random(using: &generator))
      case 2: .integer(Int64.random(in: .min ... .max, using: &generator))
      case 3: .number(Double.random(in: -1e20...1e20, using: &generator))
      case 4: .string(String((0..<8).map { _ in "aé\"\\\n\u{1}😀/".randomElement(using: &generator) ?? "a" }))
      case 5: .array((0..<3).map { _ in value(depth + 1) })
      default: .object((0..<3).map { JSONValue.Member("k\($0)", value(depth + 1)) })
      }
    }
    for _ in 0..<2000 {
      let original = value(0)
      #expect(try JSONReader.value(Array(original.description.utf8)) == original)
    }
  }
}
