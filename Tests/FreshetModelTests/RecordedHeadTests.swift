import FreshetModel
import Testing

@Suite struct RecordedHeadTests {
  private let head = Head(
    collection: CollectionID(high: 1, low: 2),
    epoch: CollectionID(high: 3, low: 4),
    sequence: 9,
    chain: .zero,
    at: Timestamp(seconds: 1_750_000_000, nanoseconds: 250_000_000),
    historyFloor: 0
  )

  @Test func theTextIsReadBackAsItWasWritten() throws {
    let recorded = RecordedHead(head, landmarks: [RecordedHead.Landmark(sequence: 8, chain: .zero)])
    #expect(try RecordedHead(text: recorded.text) == recorded)
    #expect(recorded.text.hasPrefix("freshet-head/1\ncollection "))
    let withReturns = recorded.text.split(separator: "\n").joined(separator: "\r\n") + "\r\nlater something new\r\n"
    #expect(try RecordedHead(text: withReturns) == recorded)
    #expect(RecordedHead(short: recorded.short)?.head == recorded.head)
  }

  @Test(arguments: ["", "9", "9:abc", "-1:\(ContentHash.zero)", "x:\(ContentHash.zero)", "9:\(ContentHash.zero):"])
  func whatIsNoShortFormIsNone(text: String) {
    #expect(RecordedHead(short: text) == nil)
  }

  @Test(arguments: [
    "", "something else\n", "freshet-head/1\n", "freshet-head/1\nsequence x\n",
    "freshet-head/1\ncollection 00000000-0000-0001-0000-000000000002\nsequence 1\nchain \(ContentHash.zero)\n",
  ])
  func whatIsNoHeadIsRefused(text: String) {
    #expect(throws: FreshetError.self) { try RecordedHead(text: text) }
  }

  @Test func landmarksStandAtDoubledDistances() {
    #expect(RecordedHead.landmarkSequences(before: 20) == [19, 18, 16, 12, 4])
    #expect(RecordedHead.landmarkSequences(before: 1) == [])
    #expect(RecordedHead.landmarkSequences(before: 1_000_000).count == 20)
  }
}
