import FreshetModel
import FreshetSystem
import FreshetTestKit
import Testing

@Suite struct VolumeTests {
  @Test func diskFileSystemsAreLocalAndServersAreNot() {
    let kinds: [(UInt64, Volume.Kind)] = [
      (0xEF53, .local), (0x9123_683E, .local), (0x5846_5342, .local), (0x794C_7630, .local), (0x0102_1994, .local),
      (0x6969, .network), (0xFF53_4D42, .network), (0xFE53_4D42, .network), (0x0102_1997, .network), (0x4D44, .fat),
      (0x2011_BAB0, .fat), (0x6573_5546, .program), (0x1234_5678, .unknown),
    ]
    for (type, kind) in kinds { #expect(Volume.kind(ofType: type) == kind) }
  }

  @Test func onlyALocalDiskHasExactTimes() {
    for kind in [Volume.Kind.network, .fat, .program, .unknown] {
      #expect(Volume.granularity(of: kind) == 2_000_000_000)
    }
    #expect(Volume.granularity(of: .local) == 20_000_000)
  }

  @Test func theFolderOfTheTestsTakesACollection() throws {
    let tree = try SampleTree()
    let volume = try Volume(of: tree.path)
    try volume.requireLocal(path: tree.path)
    #expect(volume.availableBytes > 0)
    #expect(throws: FreshetError.self) { _ = try Volume(of: tree.path + "/absent") }
  }
}
