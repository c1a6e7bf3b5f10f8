import CVectorMath
import FreshetIndex
import FreshetTestKit
import Testing

@Suite struct KernelTests {
  static let kernels = [
    FRESHET_KERNEL_PORTABLE, FRESHET_KERNEL_AVX2, FRESHET_KERNEL_AVX512, FRESHET_KERNEL_AVX512_VNNI,
  ].filter { freshet_kernel_is_supported($0) }

  @Test func everyKernelGivesTheSameIntegersOverTheFullRange() {
    var random = printedRandom()
    for stride in [64, 128, 384, 1024] {
      for round in 0..<40 {
        let rows = Int.random(in: 1...9, using: &random)
        func code() -> Int8 {
          // The extremes are where narrow sums overflow.
          round % 2 == 0 ? Int8.random(in: -127...127, using: &random) : (Bool.random(using: &random) ? 127 : -127)
        }
        let codes = (0..<rows * stride).map { _ in code() }
        let query = (0..<stride).map { _ in code() }
        let expected = (0..<rows).map { row in
          (0..<stride).reduce(Int32(0)) { $0 + Int32(codes[row * stride + $1]) * Int32(query[$1]) }
        }
        for kernel in Self.kernels {
          var dots = [Int32](repeating: 0, count: rows)
          freshet_dots(kernel, codes, stride, rows, query, freshet_code_sum(query, stride), &dots)
          #expect(dots == expected, "kernel \(kernel), stride \(stride)")
        }
      }
    }
  }

  @Test func scanFindsTheBestRowsOfAMaskInOrder() {
    var random = printedRandom()
    for count in [1, 63, 64, 65, 1000] {
      // Few different values make many ties, which go to the lower row.
      let codes = (0..<count * 64).map { _ in Int8.random(in: -1...1, using: &random) }
      let scales = [Float](repeating: 0.5, count: count)
      let query = (0..<64).map { _ in Int8.random(in: -1...1, using: &random) }
      let mask = (0..<(count + 63) / 64).map { _ in random.next() }
      let wanted = (0..<count).filter { mask[$0 / 64] >> UInt64($0 % 64) & 1 == 1 }
      let scores = (0..<count).map { row in
        (0..<64).reduce(Float(0)) { $0 + Float(codes[row * 64 + $1]) * Float(query[$1]) } * 0.5
      }
      let expected = wanted.sorted { (scores[$1], $0) < (scores[$0], $1) }
      for limit in [1, 5, count, count + 10] {
        for kernel in Self.kernels {
          var rows = [UInt32](repeating: 0, count: limit)
          var found = [Float](repeating: 0, count: limit)
          let number = freshet_scan(kernel, codes, scales, 64, count, mask, query, 1, limit, &rows, &found)
          #expect(rows.prefix(number).map(Int.init) == Array(expected.prefix(limit)))
          #expect(found.prefix(number).elementsEqual(expected.prefix(limit).map { scores[$0] }))
        }
      }
    }
  }

  @Test func everyHalfSurvivesSinglePrecision() {
    let halves = (0...UInt16.max).filter { $0 & 0x7C00 != 0x7C00 || $0 & 0x3FF == 0 }
    #expect(HalfPrecision.encode(HalfPrecision.decode(halves)) == halves)
    // One at a time takes the portable way.
    #expect(halves.allSatisfy { HalfPrecision.encode(HalfPrecision.decode([$0])) == [$0] })
    #expect(HalfPrecision.decode(halves) == halves.map { HalfPrecision.decode([$0])[0] })
  }

  @Test func numbersRoundToTheNearestHalfAlikeOnBothWays() {
    var random = printedRandom()
    let numbers = (0..<20_000).map { _ in Float(bitPattern: UInt32(truncatingIfNeeded: random.next())) }
      .filter { !$0.isNaN }
    let whole = HalfPrecision.encode(numbers)
    for (number, half) in zip(numbers, whole) { #expect(HalfPrecision.encode([number]) == [half], "\(number)") }
    #expect(HalfPrecision.encode([65519, 65520, -0.0, 5.9604645e-8, 2.9802322e-8]) == [0x7BFF, 0x7C00, 0x8000, 1, 0])
  }

  @Test func checksumIsThatOfTheStandard() {
    // RFC 3720, appendix B.4.
    #expect(freshet_crc32c(0, Array("123456789".utf8), 9) == 0xE306_9283)
    #expect(freshet_crc32c(0, [UInt8](repeating: 0, count: 32), 32) == 0x8A91_36AA)
    #expect(freshet_crc32c(0, [UInt8](repeating: 0xFF, count: 32), 32) == 0x62A8_AB43)
    #expect(freshet_crc32c(0, [UInt8](0..<32), 32) == 0x46DD_794E)
    let bytes = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 7) }
    var blocks = [UInt32](repeating: 0, count: 16)
    freshet_crc32c_blocks(bytes, bytes.count, 65536, &blocks)
    for block in 0..<16 {
      let piece = Array(bytes[block * 65536..<min((block + 1) * 65536, bytes.count)])
      #expect(blocks[block] == freshet_crc32c(0, piece, piece.count))
    }
    let start = freshet_crc32c(0, Array(bytes[..<777]), 777)
    #expect(freshet_crc32c(start, Array(bytes[777...]), 999_223) == freshet_crc32c(0, bytes, bytes.count))
  }
}
