import FreshetModel
import FreshetSearch
import FreshetTestKit
import Testing

@Suite struct FilterParserTests {
  @Test(arguments: [
    ("team = ops", Filter.field("team", .equal, "ops")),
    (
      "team = ops and modified > 2026-01-01",
      .all([.field("team", .equal, "ops"), .field("modified", .greaterOrEqual, "2026-01-02T00:00:00.000Z")])
    ),
    ("type in (html, markdown)", .oneOf("type", ["html", "markdown"])),
    ("type not in (html)", .not(.oneOf("type", ["html"]))),
    ("type in ()", .oneOf("type", [])),
    (
      "a=1 or b==2 and not c!=3",
      .any([.field("a", .equal, 1), .all([.field("b", .equal, 2), .not(.field("c", .notEqual, 3))])])
    ),
    (
      "(a = 1 or b = 2) and c = 3",
      .all([.any([.field("a", .equal, 1), .field("b", .equal, 2)]), .field("c", .equal, 3)])
    ),
    ("exists(owner)", .exists("owner")),
    ("exists = yes", .field("exists", .equal, "yes")),
    ("origin ~ guide/*.md", .field("origin", .matches, "guide/*.md")),
    ("title = \"a \\\"b\\\" c\"", .field("title", .equal, "a \"b\" c")),
    ("title = 'it\\'s'", .field("title", .equal, "it's")),
    ("\"odd field\" <= -1.5e3", .field("odd field", .lessOrEqual, .number(-1500))),
    ("draft = true AND x = null", .all([.field("draft", .equal, true), .field("x", .equal, nil)])),
    ("version = 007", .field("version", .equal, "007")),
    ("size >= 9223372036854775808", .field("size", .greaterOrEqual, .number(9_223_372_036_854_775_808))),
    ("true", .all([])),
    ("false or not true", .any([.any([]), .not(.all([]))])),
    ("città = Żółć", .field("città", .equal, "Żółć")),
  ])
  func `a filter is read as it is meant`(_ text: String, _ filter: Filter) throws {
    #expect(try Filter(text) == filter)
    #expect(try Filter(filter.text) == filter, "\(filter.text)")
  }

  private static func day(_ comparison: String, _ text: String) throws -> [String] {
    let filter = try Filter("modified \(comparison) \(text)")
    #expect(try Filter(filter.text) == filter, "\(filter.text)")
    return filter.text.split(separator: " and ").map { $0.split(separator: " ").dropFirst().joined(separator: " ") }
  }

  @Test func `a date stands for the whole of it`() throws {
    func said(_ comparison: String, _ text: String) throws -> String {
      try Self.day(comparison, text).joined(separator: " & ")
    }
    let (day, next) = ("2026-11-21T00:00:00.000Z", "2026-11-22T00:00:00.000Z")
    #expect(try said("=", "2026-11-21") == ">= \(day) & < \(next)")
    #expect(try said(">", "2026-11-21") == ">= \(next)")
    #expect(try said(">=", "2026-11-21") == ">= \(day)")
    #expect(try said("<", "2026-11-21") == "< \(day)")
    #expect(try said("<=", "2026-11-21") == "< \(next)")
    #expect(try said("in", "(2026-11-21)") == ">= \(day) & < \(next)")
    #expect(try said("=", "2026-12") == ">= 2026-12-01T00:00:00.000Z & < 2027-01-01T00:00:00.000Z")
    #expect(try said("=", "2024-02") == ">= 2024-02-01T00:00:00.000Z & < 2024-03-01T00:00:00.000Z")
    #expect(try said(">", "2026") == ">= 2027-01-01T00:00:00.000Z")
    #expect(try said("<=", "2026-11-21T10:30") == "< 2026-11-21T10:31:00.000Z")
    #expect(try said("<=", "2026-11-21T10:30:05+02:00") == "< 2026-11-21T08:30:06.000Z")
    #expect(try said("<=", "'2026-11-21 10:30:05.25'") == "< 2026-11-21T10:30:05.251Z")
    let other = Filter.any([
      .field("modified", .less, .string(day)), .field("modified", .greaterOrEqual, .string(next)),
    ])
    #expect(try Filter("modified != 2026-11-21") == other)
  }

  @Test(arguments: [
    ("size > 1kB", Filter.field("size", .greater, 1000)), ("size > 1 kB", .field("size", .greater, 1000)),
    ("size > \"1.5 MB\"", .field("size", .greater, 1_500_000)), ("size = 12", .field("size", .equal, 12)),
    ("size in (1 KiB, 2kB)", .oneOf("size", [1024, 2000])), ("name = 2026", .field("name", .equal, "2026")),
    ("source = true", .field("source", .equal, "true")), ("year = 2026", .field("year", .equal, 2026)),
    ("modified ~ 2026-*", .field("modified", .matches, "2026-*")),
  ])
  func `a standard field takes the values that it holds`(_ text: String, _ filter: Filter) throws {
    #expect(try Filter(text) == filter)
    #expect(try Filter(filter.text) == filter, "\(filter.text)")
  }

  @Test(arguments: [
    ("", "character 1 (its end): expected a field"),
    ("team", "character 5 (its end): expected =, !="),
    ("team =", "character 7 (its end): expected a value after '='"),
    ("team = ops and", "character 15 (its end): expected a field"),
    ("team = ops modified > 1", "character 12 ('modified > 1'): expected 'and', 'or' or the end"),
    ("(team = ops", "character 12 (its end): expected ')'"),
    ("é = \"open", "character 5 ('\"open'): the quote that opens here is not closed"),
    ("a ! b", "character 3 ('! b'): '!' only stands in '!='"),
    ("a in html", "character 6 ('html'): expected '(' after 'in'"),
    ("a in (x y)", "character 9 ('y)'): expected ',' or ')'"),
    ("a not = 1", "character 7 ('= 1'): expected 'in' after 'not'"),
    (") = 1", "character 1 (') = 1'): expected a field"),
    ("modified > \"yesterday\"", "character 12 ('\"yesterday\"'): expected a date such as 2026-11-21"),
    ("modified > 2026-13-45", "character 12 ('2026-13-45'): expected a date"),
    ("modified > 2026-02-30", "expected a date"), ("modified in (soon)", "expected a date"),
    ("size > big", "character 8 ('big'): expected a number of bytes, or a size such as 10kB"),
    ("size > 10 miles", "character 11 ('miles'): expected 'and', 'or' or the end"),
    ("size ~ 1*", "'~' compares texts, and the field 'size' is a number"),
  ])
  func `a mistake is named with its place`(_ text: String, _ message: String) {
    let error = #expect(throws: FreshetError.self) { try Filter(text) }
    #expect(error?.code == .invalidArgument)
    #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
  }

  @Test func `nesting and length have limits`() {
    #expect(throws: FreshetError.self) { try Filter(String(repeating: "(", count: 10_000)) }
    #expect(throws: FreshetError.self) { try Filter(String(repeating: "not ", count: 1_000) + "a = 1") }
    #expect(throws: FreshetError.self) { try Filter("a = " + String(repeating: "x", count: 20_000)) }
  }

  @Test func `what is printed is read as the same filter`() throws {
    let seed = UInt64.random(in: 0..<1_000_000)
    print("seed \(seed)")
    var random = SeededRandom(seed: seed)
    for _ in 0..<2_000 {
      let filter = RandomFilter.make(depth: 4, &random)
      #expect(try Filter(filter.text) == filter, "seed \(seed): \(filter.text)")
    }
  }

  @Test func `random text is read or refused`() {
    let seed = UInt64.random(in: 0..<1_000_000)
    print("seed \(seed)")
    var random = SeededRandom(seed: seed)
    let parts = [
      "a", "=", "(", ")", "in", "not", "and", "or", "\"", "'", "\\", "~", "!=", ",", "1", "é", " ", "exists", "<",
    ]
    var read = 0
    for _ in 0..<20_000 {
      let text = (0..<Int.random(in: 0...12, using: &random)).map { _ in parts.randomElement(using: &random) ?? "" }
      if let filter = try? Filter(text.joined(separator: " ")) {
        read += 1
        #expect((try? Filter(filter.text)) == filter)
      }
    }
    #expect(read > 20)
  }
}

/// Filters of every form over the fields of `SampleCollection`.
enum RandomFilter {
  static let values: [JSONValue] = [
    "ops", "dev", "web", 1, 2, 5, -3, .number(2.5), true, false, nil, "a b", "and", "1", "\"q\"", "2026-01-05", "",
  ]

  static func make(depth: Int, _ random: inout SeededRandom) -> Filter {
    let fields = ["team", "number", "tags", "draft", "missing", "odd field", "in", "origin", "title"]
    let field = fields.randomElement(using: &random) ?? "team"
    // A standard field's values are texts, however they look.
    let isText = StandardField(rawValue: field) != nil
    let values = isText ? values.filter { if case .string = $0 { true } else { $0 == nil } } : values
    let value = values.randomElement(using: &random) ?? .null
    func parts() -> [Filter] {
      let count = [0, 2, 2, 3].randomElement(using: &random) ?? 2
      return (0..<count).map { _ in make(depth: depth - 1, &random) }
    }
    switch Int.random(in: 0..<(depth > 0 ? 10 : 6), using: &random) {
    case 0: return .exists(field)
    case 1: return .oneOf(field, Array(values.shuffled(using: &random).prefix(Int.random(in: 0...4, using: &random))))
    case 2:
      return .field("origin", .matches, .string(["*1*", "d?.md", "[!d]*", "*"].randomElement(using: &random) ?? "*"))
    case 3...5:
      let comparison = Filter.Comparison.allCases.filter { $0 != .matches }.randomElement(using: &random) ?? .equal
      return .field(field, comparison, value)
    case 6: return .not(make(depth: depth - 1, &random))
    case 7: return .all(parts())
    default: return .any(parts())
    }
  }
}
