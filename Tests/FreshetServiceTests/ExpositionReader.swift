import Testing

/// Reads a page of figures as strictly as the text format is defined, version 0.0.4
/// (https://prometheus.io/docs/instrumenting/exposition_formats/), and records what does not hold.
struct ExpositionReader {
  struct Sample {
    var name: String
    var labels: [String: String]
    var value: Double
  }

  private(set) var kinds: [String: String] = [:]
  private(set) var samples: [Sample] = []

  init(_ text: String) {
    #expect(text.hasSuffix("\n"))
    var helped: Set<String> = []
    var current = ""
    var seen: Set<String> = []
    for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
      if line.hasPrefix("# HELP ") {
        let parts = line.dropFirst(7).split(separator: " ", maxSplits: 1)
        #expect(parts.count == 2 && helped.insert(String(parts[0])).inserted, "\(line)")
        current = String(parts.first ?? "")
      } else if line.hasPrefix("# TYPE ") {
        let parts = line.dropFirst(7).split(separator: " ").map(String.init)
        #expect(parts.count == 2 && parts[0] == current && kinds[current] == nil, "\(line)")
        #expect(["counter", "gauge", "histogram"].contains(parts[1]), "\(line)")
        #expect(
          Self.isName(parts[0], colons: true) && (parts[1] != "counter" || parts[0].hasSuffix("_total")),
          "\(line)"
        )
        kinds[current] = parts[1]
      } else if let sample = Self.sample(line) {
        // Samples follow their head, and no series stands there twice.
        let names = kinds[current] == "histogram" ? ["_bucket", "_sum", "_count"].map { current + $0 } : [current]
        #expect(names.contains(sample.name), "\(line)")
        let series = sample.name + sample.labels.sorted { $0.key < $1.key }.map { "|\($0.key)=\($0.value)" }.joined()
        #expect(seen.insert(series).inserted, "\(line)")
        samples.append(sample)
      } else {
        Issue.record("not a line of the format: \(line)")
      }
    }
    for (name, kind) in kinds where kind == "histogram" { checkHistogram(name) }
  }

  /// The one value of a name whose labels hold these.
  func value(_ name: String, _ labels: [String: String] = [:]) -> Double? {
    let found = samples.filter { sample in sample.name == name && labels.allSatisfy { sample.labels[$0] == $1 } }
    return found.count == 1 ? found.first?.value : nil
  }

  private func checkHistogram(_ name: String) {
    let buckets = Dictionary(grouping: samples.filter { $0.name == name + "_bucket" }) { sample in
      sample.labels.filter { $0.key != "le" }
    }
    #expect(!buckets.isEmpty)
    for (labels, all) in buckets {
      let bounds = all.map { $0.labels["le"] == "+Inf" ? Double.infinity : Double($0.labels["le"] ?? "") ?? .nan }
      #expect(bounds.last == .infinity && zip(bounds, bounds.dropFirst()).allSatisfy { $0 < $1 }, "\(name)")
      #expect(zip(all, all.dropFirst()).allSatisfy { $0.value <= $1.value }, "\(name)")
      #expect(value(name + "_count", labels) == all.last?.value && value(name + "_sum", labels) != nil, "\(name)")
    }
  }

  private static func isName(_ text: some StringProtocol, colons: Bool) -> Bool {
    guard let first = text.utf8.first, !(0x30...0x39).contains(first) else { return false }
    return text.utf8.allSatisfy { byte in
      (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte == 0x5F
        || colons && byte == 0x3A
    }
  }

  private static func sample(_ line: Substring) -> Sample? {
    var rest = line[...]
    let name = rest.prefix { $0 != "{" && $0 != " " }
    guard isName(name, colons: true) else { return nil }
    rest = rest.dropFirst(name.count)
    var labels: [String: String] = [:]
    if rest.first == "{" {
      rest = rest.dropFirst()
      while rest.first != "}" {
        let key = rest.prefix { $0 != "=" }
        rest = rest.dropFirst(key.count + 1)
        guard isName(key, colons: false), rest.first == "\"" else { return nil }
        rest = rest.dropFirst()
        var text = ""
        while let character = rest.popFirst(), character != "\"" {
          guard character == "\\" else {
            text.append(character)
            continue
          }
          switch rest.popFirst() {
          case "\\": text.append("\\")
          case "\"": text.append("\"")
          case "n": text.append("\n")
          default: return nil
          }
        }
        guard labels.updateValue(text, forKey: String(key)) == nil else { return nil }
        if rest.first == "," { rest = rest.dropFirst() }
        if rest.isEmpty { return nil }
      }
      rest = rest.dropFirst()
    }
    guard rest.first == " ", let value = Double(rest.dropFirst().replacing("+Inf", with: "inf")) else { return nil }
    return Sample(name: String(name), labels: labels, value: value)
  }
}
