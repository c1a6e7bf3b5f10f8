/// A model that is small enough to compute by hand: the vector of each token is a row of a table, by its id.
///
/// Written as the protocol buffers of ONNX (onnx.proto), so that no tool is needed.
enum SmallModel {
  static let dimension = 4
  /// Rows for every id of uncased BERT.
  static let rows = 30_522

  /// The row of a token.
  static func row(_ id: Int32) -> [Float] {
    (0..<dimension).map { Float((Int(id) * 31 + $0 * 17) % 101) - 50 }
  }

  /// The file's bytes: input `input_ids`, and the output of that name, a vector for each token.
  static func bytes(output: String = "last_hidden_state", inputs: [String] = ["input_ids"]) -> [UInt8] {
    var table: [UInt8] = []
    for id in 0..<Int32(rows) {
      for value in row(id) { withUnsafeBytes(of: value.bitPattern.littleEndian) { table += $0 } }
    }
    let initializer =
      field(1, UInt64(rows)) + field(1, UInt64(dimension)) + field(2, 1) + field(8, "table") + field(9, table)
    let node = field(1, "table") + field(1, inputs[0]) + field(2, output) + field(3, "rows") + field(4, "Gather")
    var graph = field(1, node) + field(2, "small") + field(5, initializer)
    for input in inputs { graph += field(11, value(input, type: 7, [nil, nil])) }
    graph += field(12, value(output, type: 1, [nil, nil, dimension]))
    return field(1, 8) + field(7, graph) + field(8, field(1, "") + field(2, 17))
  }

  /// A `ValueInfoProto` of a tensor; `nil` is a dimension that may be any.
  private static func value(_ name: String, type: UInt64, _ shape: [Int?]) -> [UInt8] {
    let dimensions = shape.enumerated().flatMap { place, size in
      field(1, size.map { field(1, UInt64($0)) } ?? field(2, "d\(place)"))
    }
    return field(1, name) + field(2, field(1, field(1, type) + field(2, dimensions)))
  }

  private static func field(_ number: UInt64, _ value: UInt64) -> [UInt8] { varint(number << 3) + varint(value) }

  private static func field(_ number: UInt64, _ text: String) -> [UInt8] { field(number, Array(text.utf8)) }

  private static func field(_ number: UInt64, _ bytes: [UInt8]) -> [UInt8] {
    varint(number << 3 | 2) + varint(UInt64(bytes.count)) + bytes
  }

  private static func varint(_ value: UInt64) -> [UInt8] {
    var rest = value
    var bytes: [UInt8] = []
    while rest > 0x7F {
      bytes.append(UInt8(rest & 0x7F) | 0x80)
      rest >>= 7
    }
    return bytes + [UInt8(rest)]
  }
}
