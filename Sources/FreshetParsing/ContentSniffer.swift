import FreshetFormats

/// Guesses a format from a file's first bytes.
enum ContentSniffer {
  private static let sampleBytes = 4096

  /// HTML by its mark, text when it looks like text, else `nil`.
  static func format(of bytes: [UInt8]) -> Format? {
    let sample = Array(bytes.prefix(sampleBytes))
    let isWide = sample.starts(with: [0xFF, 0xFE]) || sample.starts(with: [0xFE, 0xFF])
    if isWide { return .text }
    if isBinary(sample) { return nil }
    let start = sample.drop { $0 <= 0x20 || $0 == 0xEF || $0 == 0xBB || $0 == 0xBF }.prefix(64).map { $0 | 0x20 }
    for mark in ["<!doctype html", "<html"] where start.starts(with: mark.utf8.map { $0 | 0x20 }) { return .html }
    return .text
  }

  /// Whether the bytes have more NULs and control characters than text has.
  private static func isBinary(_ sample: [UInt8]) -> Bool {
    for mark in ["%PDF-", "PK\u{3}\u{4}", "GIF8", "\u{7F}ELF", "OggS", "RIFF", "wOFF", "wOF2"]
    where sample.starts(with: mark.utf8) { return true }
    var controls = 0
    for byte in sample {
      switch byte {
      case 0: return true
      case 0x08, 0x09, 0x0A, 0x0C, 0x0D, 0x1B: break
      case 1..<0x20, 0x7F: controls += 1
      default: break
      }
    }
    return controls * 50 > sample.count
  }
}
