/// A page of figures as Prometheus reads it: the text format, version 0.0.4
/// (https://prometheus.io/docs/instrumenting/exposition_formats/).
struct ExpositionText {
  /// What a figure is.
  enum Kind: String {
    case counter
    case gauge
  }

  typealias Labels = [(name: String, value: String)]

  /// The page so far.
  private(set) var text = ""
  /// Labels of every figure.
  let labels: Labels

  init(labels: Labels) {
    self.labels = labels
  }

  /// A figure without labels of its own.
  mutating func add(_ name: String, _ kind: Kind, _ value: Double, _ help: String) {
    add(name, kind, [([], value)], help)
  }

  /// A figure for each of some labels; nothing when there is none.
  mutating func add(_ name: String, _ kind: Kind, _ samples: [(labels: Labels, value: Double)], _ help: String) {
    guard !samples.isEmpty else { return }
    head(name, kind.rawValue, help)
    for sample in samples { line(name, sample.labels, sample.value) }
  }

  /// A histogram for each of some labels; nothing when there is none.
  mutating func add(_ name: String, _ histograms: [(labels: Labels, value: Histogram)], _ help: String) {
    guard !histograms.isEmpty else { return }
    head(name, "histogram", help)
    for (labels, histogram) in histograms {
      var within = 0
      for (bound, count) in zip(histogram.bounds, histogram.counts) {
        within += count
        line(name + "_bucket", labels + [("le", Self.number(bound))], Double(within))
      }
      line(name + "_bucket", labels + [("le", "+Inf")], Double(histogram.count))
      line(name + "_sum", labels, histogram.sum)
      line(name + "_count", labels, Double(histogram.count))
    }
  }

  private mutating func head(_ name: String, _ kind: String, _ help: String) {
    text += "# HELP \(name) \(Self.escaped(help, quotes: false))\n# TYPE \(name) \(kind)\n"
  }

  private mutating func line(_ name: String, _ own: Labels, _ value: Double) {
    let all = (labels + own).map { "\($0.name)=\"\(Self.escaped($0.value, quotes: true))\"" }.joined(separator: ",")
    text += all.isEmpty ? "\(name) \(Self.number(value))\n" : "\(name){\(all)} \(Self.number(value))\n"
  }

  private static func escaped(_ text: String, quotes: Bool) -> String {
    var escaped = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\": escaped += "\\\\"
      case "\n": escaped += "\\n"
      case "\"" where quotes: escaped += "\\\""
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }

  private static func number(_ value: Double) -> String {
    if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
    if value.isNaN { return "NaN" }
    return Int64(exactly: value).map { "\($0)" } ?? "\(value)"
  }
}
