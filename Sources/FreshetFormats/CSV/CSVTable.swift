import FreshetModel

/// Comma- or tab-separated values (RFC 4180) as one GFM table; the first record is the header.
public enum CSVTable {
  /// The table, one block.
  /// - Parameter delimiter: what separates fields; `nil` finds it out from the first lines.
  /// - Throws: `FreshetError` with `no_text`, or `too_complex` beyond `FormatLimits.tableColumns`.
  public static func rendition(of text: DecodedText, delimiter: UInt8?) throws -> Rendition {
    let (markdown, isBlank) = try text.bytes.withUnsafeBufferPointer { bytes in
      let separator = delimiter ?? sniff(bytes)
      let columns = try columnCount(bytes, separator)
      return write(bytes, separator, columns: columns)
    }
    guard !isBlank else { throw FreshetError.noText }
    var metadata: Metadata = [:]
    text.describe(in: &metadata)
    let block = Block(kind: .table, start: 0, end: markdown.count - 1)
    return Rendition(markdown: markdown, blocks: [block], metadata: metadata)
  }

  private static func columnCount(_ bytes: UnsafeBufferPointer<UInt8>, _ separator: UInt8) throws -> Int {
    var reader = CSVReader(bytes, separator: separator)
    var widest = 0
    var columns = 0
    while let field = reader.next() {
      columns += 1
      widest = max(widest, columns)
      if field.endsRecord { columns = 0 }
      if widest > FormatLimits.tableColumns {
        throw FreshetError(
          .tooComplex,
          "a row has more than \(FormatLimits.tableColumns) columns; split the table or exclude it"
        )
      }
    }
    return widest
  }

  private static func write(
    _ bytes: UnsafeBufferPointer<UInt8>,
    _ separator: UInt8,
    columns: Int
  ) -> (markdown: [UInt8], isBlank: Bool) {
    var output: [UInt8] = []
    output.reserveCapacity(bytes.count + bytes.count / 2 + 64)
    var reader = CSVReader(bytes, separator: separator)
    var column = 0
    var isHeader = true
    var isBlank = true
    while let field = reader.next() {
      if column == 0 { output.append(UInt8(ascii: "|")) }
      if append(bytes[field.range], isQuoted: field.isQuoted, to: &output) { isBlank = false }
      column += 1
      guard field.endsRecord else { continue }
      while column < columns {
        output.append(contentsOf: [0x20, UInt8(ascii: "|")])
        column += 1
      }
      output.append(0x0A)
      column = 0
      if isHeader {
        isHeader = false
        output.append(UInt8(ascii: "|"))
        for _ in 0..<columns { output.append(contentsOf: " --- |".utf8) }
        output.append(0x0A)
      }
    }
    return (output, isBlank)
  }

  /// Appends a cell on one line; tells whether it has any text.
  private static func append(
    _ field: Slice<UnsafeBufferPointer<UInt8>>,
    isQuoted: Bool,
    to output: inout [UInt8]
  ) -> Bool {
    output.append(0x20)
    let start = output.count
    var isSpaced = false
    var index = field.startIndex
    while index < field.endIndex {
      let byte = field[index]
      index += 1
      if isQuoted, byte == UInt8(ascii: "\""), index < field.endIndex, field[index] == byte { index += 1 }
      if byte <= 0x20 {
        isSpaced = output.count > start
        continue
      }
      if isSpaced { output.append(0x20) }
      isSpaced = false
      if byte == UInt8(ascii: "|") { output.append(UInt8(ascii: "\\")) }
      output.append(byte)
    }
    let hasText = output.count > start
    if hasText { output.append(0x20) }
    output.append(UInt8(ascii: "|"))
    return hasText
  }

  /// The separator that gives the most columns in the first lines, the same in each if possible.
  private static func sniff(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt8 {
    let sample = UnsafeBufferPointer(rebasing: bytes.prefix(FormatLimits.encodingPrefixBytes))
    var best: (separator: UInt8, score: Int) = (UInt8(ascii: ","), 0)
    for separator in [UInt8(ascii: ","), UInt8(ascii: ";"), 0x09, UInt8(ascii: "|")] {
      var reader = CSVReader(sample, separator: separator)
      var columns = 0
      var first = 0
      var records = 0
      var equal = 0
      while records < 64, let field = reader.next() {
        columns += 1
        guard field.endsRecord else { continue }
        if records == 0 { first = columns }
        if columns == first { equal += 1 }
        records += 1
        columns = 0
      }
      let score = first > 1 ? first * equal * equal / max(1, records) : 0
      if score > best.score { best = (separator, score) }
    }
    return best.separator
  }
}

/// Reads fields in order; empty lines are no records.
struct CSVReader {
  /// One field.
  struct Field {
    /// Its bytes, without the enclosing quotes; doubled quotes stand as they are.
    var range: Range<Int>
    var isQuoted: Bool
    var endsRecord: Bool
  }

  private let bytes: UnsafeBufferPointer<UInt8>
  private let separator: UInt8
  private var position = 0
  private var isWithinRecord = false

  init(_ bytes: UnsafeBufferPointer<UInt8>, separator: UInt8) {
    self.bytes = bytes
    self.separator = separator
  }

  mutating func next() -> Field? {
    if !isWithinRecord {
      while position < bytes.count, bytes[position] == 0x0A { position += 1 }
      if position == bytes.count { return nil }
    }
    var range = position..<position
    var isQuoted = false
    if position < bytes.count, bytes[position] == UInt8(ascii: "\"") {
      isQuoted = true
      range = quoted()
    } else {
      while position < bytes.count, bytes[position] != separator, bytes[position] != 0x0A { position += 1 }
      range = range.lowerBound..<position
    }
    // What stands between a closing quote and the separator is no part of the field.
    while position < bytes.count, bytes[position] != separator, bytes[position] != 0x0A { position += 1 }
    let endsRecord = position == bytes.count || bytes[position] == 0x0A
    if position < bytes.count { position += 1 }
    isWithinRecord = !endsRecord
    return Field(range: range, isQuoted: isQuoted, endsRecord: endsRecord)
  }

  private mutating func quoted() -> Range<Int> {
    position += 1
    let start = position
    while position < bytes.count {
      if bytes[position] == UInt8(ascii: "\"") {
        if position + 1 < bytes.count, bytes[position + 1] == UInt8(ascii: "\"") {
          position += 1
        } else {
          position += 1
          return start..<(position - 1)
        }
      }
      position += 1
    }
    return start..<position
  }
}
