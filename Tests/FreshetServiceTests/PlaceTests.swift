import Freshet
import FreshetSources
import FreshetTestKit
import Testing

@testable import FreshetService

/// A service whose collection is moved away while it runs.
@Suite(.timeLimit(.minutes(10))) struct PlaceTests: LiveSuite {
  let fixture: LiveFixture

  init() throws {
    fixture = try LiveFixture(files: ["keys.md": "# Keys\n\nRotate the signing key once a quarter.\n"])
  }

  @Test func nothingIsTakenUpIntoACollectionThatWasMovedAway() async throws {
    let options = { (options: inout LiveOptions) in options.placeInterval = .seconds(3_600) }
    try await with(options: options, checksSources: false) { collection, service, told in
      await told.idle()
      let calls = embedder.calls
      try folder.move("live.freshet", to: "away")
      try folder.write("docs/late.md", "# Late\n\nIt comes too late.\n")
      release("late.md")
      await told.until { service.loss != nil && service.isStopping }
      #expect(service.loss?.path == folder.path + "/live.freshet")
      #expect(embedder.calls == calls && told.works.count { $0.kind == .fresh } == 0)
      try folder.move("away", to: "live.freshet")
      #expect(try await collection.documents().map(\.origin) == ["keys.md"])
    }
  }

  @Test func aFolderThatIsRemovedIsNoticedWhileNothingHappens() async throws {
    let options = { (options: inout LiveOptions) in options.placeInterval = .milliseconds(50) }
    try await with(options: options) { _, service, told in
      await told.idle()
      #expect(service.loss == nil)
      // Another lock would keep nobody out.
      try folder.move("live.freshet/lock", to: "lock")
      await told.until { service.loss != nil && service.isStopping }
      try folder.move("lock", to: "live.freshet/lock")
    }
  }
}
