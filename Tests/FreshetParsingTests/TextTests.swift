import FreshetFormats
import FreshetMarkup
import FreshetModel
import Testing

@Suite struct TextTests {
  @Test func paragraphsAreBlocksAndTheTextStays() throws {
    let page = try plain("one\ntwo \n\n  three\n \t\nfour")
    #expect(page.text == "one\ntwo \n\n  three\n \t\nfour")
    #expect(page.outline == ["paragraph: one\ntwo", "paragraph:   three", "paragraph: four"])
  }

  @Test func restructuredTextTitlesAreHeadingsInTheOrderOfTheirMarks() throws {
    let source = """
      =====
      Title
      =====

      Part
      ~~~~
      text
      still

      Detail
      ^^^^^^

      Part two
      ~~~~~~~~

      a table
      = =
      """
    let page = try plain(source, .restructuredText)
    #expect(
      page.outline == [
        "heading 1: Title\n=====", "heading 2: Part\n~~~~", "paragraph: text\nstill", "heading 3: Detail\n^^^^^^",
        "heading 2: Part two\n~~~~~~~~", "paragraph: a table\n= =",
      ]
    )
    #expect(page.title == "Title")
  }

  @Test func plainTextHasHeadingsOnlyWhereNothingElseCanBeMeant() throws {
    let page = try plain("git-add(1)\n==========\n\nNAME\n----\ntext\n----\n\n$ ls -l\n--------------------\n")
    #expect(
      page.outline == [
        "heading 1: git-add(1)\n==========", "heading 2: NAME\n----", "heading 2: text\n----",
        "paragraph: $ ls -l\n--------------------",
      ]
    )
  }

  @Test func asciidocTitlesAreHeadings() throws {
    let page = try plain("= Book\n\n== Chapter\ntext\n\n==== Deep\n====\n", .asciidoc)
    #expect(page.outline.prefix(3) == ["heading 1: = Book", "heading 2: == Chapter", "paragraph: text"])
    #expect(page.title == "Book")
    #expect(try plain("= Book =\n\ntext\n", .asciidoc).title == "Book")
  }

  @Test(arguments: [
    ("WINDOWS-1252", [0x63, 0x61, 0x66, 0xE9] as [UInt8], "café"),
    ("UTF-16LE", [0xFF, 0xFE, 0x61, 0, 0x3D, 0xD8, 0x00, 0xDE], "a😀"),
    ("UTF-16BE", [0xFE, 0xFF, 0, 0x61, 0, 0x0D, 0, 0x0A, 0, 0x62], "a\nb"),
    ("UTF-32LE", [0xFF, 0xFE, 0, 0, 0x61, 0, 0, 0], "a"),
    ("UTF-8", [0xEF, 0xBB, 0xBF, 0x61, 0x0D, 0x62], "a\nb"),
  ])
  func encodingsAreDetected(_ name: String, _ bytes: [UInt8], _ expected: String) throws {
    let text = try CharsetDecoder().decode(bytes, declared: name == "WINDOWS-1252" ? name : nil)
    #expect(String(decoding: text.bytes, as: UTF8.self) == expected)
    #expect(text.encoding == name)
    #expect(text.replaced == 0)
  }

  @Test func russianInAnOldEncodingIsRead() throws {
    // "Съешь же ещё этих мягких французских булок, да выпей чаю" in KOI8-R.
    let bytes: [UInt8] = [
      0xF3, 0xDF, 0xC5, 0xDB, 0xD8, 0x20, 0xD6, 0xC5, 0x20, 0xC5, 0xDD, 0xA3, 0x20, 0xDC, 0xD4, 0xC9, 0xC8, 0x20, 0xCD,
      0xD1, 0xC7, 0xCB, 0xC9, 0xC8, 0x20, 0xC6, 0xD2, 0xC1, 0xCE, 0xC3, 0xD5, 0xDA, 0xD3, 0xCB, 0xC9, 0xC8, 0x20, 0xC2,
      0xD5, 0xCC, 0xCF, 0xCB, 0x2C, 0x20, 0xC4, 0xC1, 0x20, 0xD7, 0xD9, 0xD0, 0xC5, 0xCA, 0x20, 0xDE, 0xC1, 0xC0,
    ]
    let text = try CharsetDecoder().decode(bytes)
    #expect(String(decoding: text.bytes, as: UTF8.self) == "Съешь же ещё этих мягких французских булок, да выпей чаю")
  }

  @Test func damageInUTF8IsReplacedAndCounted() throws {
    let bytes = Array("äöü äöü".utf8) + [0xFF, 0x20, 0xC3] + Array(" end".utf8)
    let text = try #require(try TextDecoder.decode(bytes))
    #expect(String(decoding: text.bytes, as: UTF8.self) == "äöü äöü\u{FFFD} \u{FFFD} end")
    #expect(text.replaced == 2)
    let page = try PlainText.rendition(of: text, titles: .none)
    #expect(page.metadata == ["replaced_bytes": 2])
  }

  @Test func truncatedUTF16EndsInAReplacement() throws {
    let text = try #require(try TextDecoder.decode([0xFF, 0xFE, 0x61, 0, 0x62]))
    #expect(String(decoding: text.bytes, as: UTF8.self) == "a\u{FFFD}")
    #expect(text.replaced == 1)
  }

  @Test func binaryDataIsRefused() {
    var bytes = [UInt8](repeating: 0x41, count: 3000)
    for index in stride(from: 0, to: bytes.count, by: 5) { bytes[index] = 0 }
    bytes[7] = 0x90
    #expect { try TextDecoder.decode(bytes) } throws: { ($0 as? FreshetError)?.code == .unsupportedType }
  }

  @Test func blankTextIsRefused() {
    for source in ["", "\n \t\n", "\r\n"] {
      #expect { try plain(source) } throws: { ($0 as? FreshetError)?.code == .noText }
    }
  }

  @Test func validityAgreesWithTheStandardLibrary() {
    var generator = SeededGenerator(seed: 20)
    for _ in 0..<20_000 {
      let bytes = (0..<Int.random(in: 0...12, using: &generator)).map { _ in
        [0x41, 0x0A, 0x80, 0xBF, 0xC2, 0xE0, 0xA0, 0xED, 0x9F, 0xEF, 0xF0, 0x90, 0xF4, 0x8F, 0xFF]
          .randomElement(using: &generator) ?? UInt8(0)
      }
      #expect(UTF8Scan.isValid(bytes) == (String(validating: bytes, as: UTF8.self) != nil), "\(bytes)")
      let cleaned = bytes.withUnsafeBytes { TextDecoder.clean($0, encoding: "UTF-8") }
      #expect(String(decoding: cleaned.bytes, as: UTF8.self) == String(decoding: bytes, as: UTF8.self), "\(bytes)")
    }
  }
}
