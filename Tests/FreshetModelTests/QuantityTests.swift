import FreshetModel
import Testing

@Suite struct QuantityTests {
  @Test(
    arguments: [
      ("100 MB", 100_000_000), ("64KiB", 65_536), ("1.5 GB", 1_500_000_000), ("12", 12), ("0", 0), ("7 b", 7),
    ] as [(String, Int64)]
  )
  func sizesAreReadWithTheirUnits(text: String, bytes: Int64) {
    #expect(Quantity.bytes(text) == bytes)
  }

  @Test(arguments: ["", "MB", "-1", "1 XB", "1.5", ".5 MB", "5. MB", "99999999999 TB", "1 MB 2", "1e3 MB"])
  func otherTextsAreNoSizes(text: String) {
    #expect(Quantity.bytes(text) == nil)
  }

  @Test func durationsAreReadWithTheirUnits() {
    #expect(Quantity.duration("500ms") == .milliseconds(500))
    #expect(Quantity.duration("5m") == .seconds(300))
    #expect(Quantity.duration("1h30m") == .seconds(5400))
    #expect(Quantity.duration("1h 30m") == .seconds(5400))
    for text in ["", "5", "m", "5x", "-5s"] { #expect(Quantity.duration(text) == nil) }
  }

  @Test(
    arguments: [
      (0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (1000, "1 kB"), (100_000_000, "100 MB"), (999_999, "1 MB"),
      (-1500, "-1.5 kB"),
    ] as [(Int64, String)]
  )
  func sizesAreShownInDecimalUnits(bytes: Int64, text: String) {
    #expect(Quantity.text(bytes: bytes) == text)
  }

  @Test func durationsAreShownInAtMostTwoUnits() {
    #expect(Quantity.text(.milliseconds(350)) == "350 ms")
    #expect(Quantity.text(.milliseconds(4_200)) == "4.2 s")
    #expect(Quantity.text(.milliseconds(999)) == "999 ms")
    #expect(Quantity.text(.seconds(125)) == "2 min 5 s")
    #expect(Quantity.text(.seconds(11_400)) == "3 h 10 min")
    #expect(Quantity.text(.seconds(187_200)) == "2 d 4 h")
  }

  @Test func countsAreGrouped() {
    #expect(Quantity.text(count: 12_345) == "12,345")
    #expect(Quantity.text(count: 999) == "999")
    #expect(Quantity.text(count: -1_000_000) == "-1,000,000")
  }

  @Test func aSlipOfTheKeyboardIsSuggestedAndAnythingElseIsNot() {
    let names = ["provider", "model", "batch", "precision"]
    #expect(NearestName.suggestion(for: "providr", among: names) == "provider")
    #expect(NearestName.suggestion(for: "bacth", among: names) == "batch")
    #expect(NearestName.suggestion(for: "Model", among: names) == "model")
    #expect(NearestName.suggestion(for: "colour", among: names) == nil)
    #expect(NearestName.suggestion(for: "", among: names) == nil)
  }
}
