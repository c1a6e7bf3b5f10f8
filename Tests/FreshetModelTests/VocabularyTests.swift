import FreshetModel
import FreshetSystem
import Testing

@Suite struct VocabularyTests {
  @Test func theFirstAndTheLastMomentHaveAText() {
    #expect(Timestamp(nanoseconds: .min).description == "1677-09-21T00:12:43.145Z")
    #expect(Timestamp(nanoseconds: .max).description == "2262-04-11T23:47:16.854Z")
  }

  @Test func digestOfAbcIsThatOfTheStandard() {
    #expect(
      SHA256.digest(of: Array("abc".utf8)).description
        == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )
  }

  @Test func hashesSurviveTheirTextAndByteForms() {
    let hash = SHA256.digest(of: [1, 2, 3])
    #expect(ContentHash(hexadecimal: hash.description) == hash)
    #expect(ContentHash(bytes: hash.bytes) == hash)
    #expect(ContentHash(hexadecimal: "abc") == nil)
  }

  @Test func identifiersSurviveTheirTextFormAndCarryTheirVersion() {
    let id = DocumentID.random()
    #expect(DocumentID(id.description) == id)
    #expect(Array(id.description)[14] == "4")
    #expect(Array(ChunkID(digest: SHA256.digest(of: [])).description)[14] == "8")
  }

  @Test(arguments: [
    ("1970-01-01T00:00:00.000Z", Int64(0)), ("2026-03-01T12:30:05.250Z", 1_772_368_205_250_000_000),
    ("1969-12-31T23:59:59.999Z", -1_000_000), ("2024-02-29T00:00:00.000Z", 1_709_164_800_000_000_000),
  ])
  func timestampsSurviveTheirTextForm(text: String, nanoseconds: Int64) {
    #expect(Timestamp(nanoseconds: nanoseconds).description == text)
    #expect(Timestamp(text)?.nanoseconds == nanoseconds)
  }

  @Test func timestampsAreReadWithOffsetsAndRefusedWhenMalformed() {
    #expect(Timestamp("2026-03-01T12:30:00+01:00") == Timestamp("2026-03-01T11:30Z"))
    for text in ["", "2026", "2026-13-01", "2026-03-01T25:00", "2026-03-01x", "2026-03-01T12:30:00."] {
      #expect(Timestamp(text) == nil, "\(text)")
    }
  }

  @Test func blockMapsSurviveTheirStoredForm() {
    let blocks = [
      Block(kind: .heading, level: 2, start: 0, end: 9), Block(kind: .table, start: 11, end: 400, page: 7),
    ]
    #expect([Block](encoded: blocks.encoded) == blocks)
    #expect([Block](encoded: [1, 2]) == nil)
    #expect([Block](encoded: [255, 255, 255, 255, 255, 255, 255, 255, 255, 1]) == nil)
  }

  @Test func jsonTextIsEscaped() {
    let value: JSONValue = ["a\n\"": [1, 2.5, true, nil, "\u{1}é"]]
    #expect(value.description == #"{"a\n\"":[1,2.5,true,null,"\u0001é"]}"#)
  }

  @Test func passageSetsCountEachPassageOnce() {
    let set = PassageSet([3, 64, 3, 1000, -1])
    #expect(set.count == 3)
    #expect(set.contains(64) && !set.contains(65) && !set.contains(-1) && !set.contains(1 << 40))
  }
}
