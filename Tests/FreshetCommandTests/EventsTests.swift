import Foundation
import Testing

/// `freshet events`, its consumers and its deliveries, as they are called.
@Suite(.timeLimit(.minutes(10))) struct EventsTests {
  private func workshop(_ configuration: String = "") async throws -> Workshop {
    let workshop = try Workshop()
    try workshop.write("freshet.yaml", "sources:\n  - { name: docs, path: docs }\n" + configuration)
    try workshop.writeDocuments()
    return workshop
  }

  @Test func eventsAreTheLogsChangesAsTheContractSays() async throws {
    let workshop = try await workshop()
    #expect(try await workshop.freshet("sync", "-q").code == 0)
    try workshop.remove("docs/keys.md")
    try workshop.write("docs/guide/backup.md", "# Backups\n\nOther text.\n")
    #expect(try await workshop.freshet("sync", "-q").code == 0)
    let all = try await workshop.freshet("events", "--json")
    #expect(all.code == 0)
    let events = try all.objects()
    #expect(events.compactMap { $0["sequence"] as? Int } == [1, 2, 3, 4])
    let fields = [
      "sequence", "change", "source", "origin", "uri", "document", "name", "version", "hash", "metadata", "at",
    ]
    for event in events {
      for field in fields { #expect(event[field] != nil, "\(field) is missing") }
    }
    let deleted = try #require(events.first { $0["change"] as? String == "deleted" })
    #expect(deleted["reason"] as? String == "vanished")
    // The metadata of the edition that the deletion ended.
    #expect((deleted["metadata"] as? [String: Any])?["name"] as? String == "keys.md")
    #expect(try await workshop.freshet("events", "--after", "2", "--json").lines.count == 2)
    #expect(try await workshop.freshet("events", "--limit", "1").lines.count == 1)
    #expect(try await workshop.freshet("events", "--change", "deleted", "--change", "modified").lines.count == 2)
    #expect(try await workshop.freshet("events", "--pattern", "guide/*").lines.count == 2)
    #expect(try await workshop.freshet("events", "--source", "other").lines.isEmpty)
    #expect(try await workshop.freshet("events", "--change", "moved").code == 64)
    #expect(try await workshop.freshet("events", "--after", "1", "--consumer", "a").code == 64)
  }

  @Test func aConsumerSeesEachEventOnceAndWhatWasNotWrittenAgain() async throws {
    let workshop = try await workshop()
    for number in 0..<300 { try workshop.write("docs/many/\(number).md", "# Page \(number)\n") }
    #expect(try await workshop.freshet("sync", "-q").code == 0)
    #expect(try await workshop.freshet("events", "--consumer", "a", "--limit", "5").lines.count == 5)
    // The reader goes after two lines: what was not written is not acknowledged.
    let broken = try await workshop.run(
      "/bin/bash",
      ["-c", "freshet events --json --consumer a | head -n 2 | wc -l; echo ${PIPESTATUS[0]}"]
    )
    #expect(broken.lines.first?.trimmingCharacters(in: .whitespaces) == "2")
    #expect(broken.lines.last == "0", "\(broken.errors)")
    let rest = try await workshop.freshet("events", "--json", "--consumer", "a").objects()
    #expect(rest.last?["sequence"] as? Int == 302)
    let first = try #require(rest.first?["sequence"] as? Int)
    #expect(first > 5 && first <= 306)
    #expect(rest.compactMap { $0["sequence"] as? Int } == Array(first...302))
    #expect(try await workshop.freshet("events", "--consumer", "a").lines.isEmpty)
    let consumers = try await workshop.freshet("events", "consumers", "--json").objects()
    #expect(consumers.first?["consumer"] as? String == "a" && consumers.first?["pending"] as? Int == 0)
    #expect(try await workshop.freshet("events", "consumers", "reset", "a", "--to", "300").code == 0)
    #expect(try await workshop.freshet("events", "--consumer", "a").lines.count == 2)
    #expect(try await workshop.freshet("events", "consumers", "reset", "a", "--to", "999").code == 64)
    #expect(try await workshop.freshet("events", "consumers", "reset", "a", "--to", "somewhere").code == 64)
    #expect(try await workshop.freshet("events", "consumers", "reset", "nobody").code == 1)
    #expect(try await workshop.freshet("events", "consumers", "reset", "a", "--to", "present").code == 0)
    let listing = try await workshop.freshet("events", "--json", "--consumer", "a").objects()
    #expect(listing.count == 304 && listing.first?["change"] as? String == "resync_started")
    #expect(listing.last?["change"] as? String == "resync_finished")
    #expect(try await workshop.freshet("events", "consumers", "remove", "a").code == 0)
    #expect(try await workshop.freshet("events", "consumers", "remove", "a").code == 1)
  }

  @Test func aLimitIsExactAndTheRestFollows() async throws {
    let workshop = try await workshop()
    for number in 0..<5 { try workshop.write("docs/many/\(number).md", "# Page \(number)\n") }
    #expect(try await workshop.freshet("sync", "-q").code == 0)
    func read(_ limit: Int) async throws -> [[String: Any]] {
      try await workshop.freshet("events", "--json", "--consumer", "a", "--limit", "\(limit)").objects()
    }
    #expect(try await read(1).compactMap { $0["sequence"] as? Int } == [1])
    #expect(try await read(1).compactMap { $0["sequence"] as? Int } == [2])
    #expect(try await read(2).compactMap { $0["sequence"] as? Int } == [3, 4])
    #expect(try await read(1).compactMap { $0["sequence"] as? Int } == [5])
    #expect(try await workshop.freshet("events", "consumers", "reset", "a", "--to", "present").code == 0)
    var listed: [String] = []
    for _ in 0..<9 {
      let one = try await read(1)
      #expect(one.count == 1)
      listed += one.compactMap { $0["change"] as? String }
    }
    #expect(listed == ["resync_started"] + Array(repeating: "present", count: 7) + ["resync_finished"])
    #expect(try await read(1).isEmpty)
  }

  @Test func theMailsPositionIsNobodyElses() async throws {
    let mail =
      "mail: { server: 'smtp://127.0.0.1:9', tls: none, from: a@example.com, to: [b@example.com], timeout: 1s }\n"
    let workshop = try await workshop(mail)
    #expect(try await workshop.freshet("sync", "-q", "--trust").code == 0)
    #expect(try await workshop.freshet("events", "--consumer", "mail:server", "--trust").code == 64)
    #expect(try await workshop.freshet("events", "--consumer", "mail", "--trust").lines.count == 2)
    let consumers = try await workshop.freshet("events", "consumers", "--json", "--trust").objects()
    #expect(consumers.compactMap { $0["consumer"] as? String } == ["mail", "mail:server"])
    #expect(consumers.compactMap { $0["pending"] as? Int } == [0, 2])
  }

  @Test func aCorrectedAddressIsTriedAtOnce() async throws {
    func hook(_ host: String) -> String {
      "sources:\n  - { name: docs, path: docs }\n"
        + "webhooks:\n  - { name: ops, url: 'http://\(host):9/', timeout: 1s, retries: 0 }\n"
    }
    let workshop = try await workshop()
    try workshop.write("freshet.yaml", hook("127.0.0.1"))
    #expect(try await workshop.freshet("sync", "-q", "--trust").code == 0)
    // The last failure by its number and by when it is tried again: another moment is another attempt.
    func failure() async throws -> String {
      let consumer = try await workshop.freshet("events", "consumers", "--json", "--trust").last()
      return "\(consumer["failures"] ?? 0) \(consumer["retry_at"] ?? "")"
    }
    #expect(try await workshop.freshet("events", "deliver", "--trust").code == 1)
    let second = try await failure()
    #expect(second.hasPrefix("2 2"), "\(second)")
    #expect(try await workshop.freshet("sync", "--trust").code == 0)
    #expect(try await failure() == second, "the same address keeps its pause")
    try workshop.write("freshet.yaml", hook("127.0.0.2"))
    #expect(try await workshop.freshet("sync", "--trust").code == 0)
    #expect(try await failure().hasPrefix("1 2"), "another address is tried at once, and counts from one")
  }

  @Test func ctrlCEndsAFollowCleanly() async throws {
    let workshop = try await workshop()
    #expect(try await workshop.freshet("sync", "-q").code == 0)
    let outcome = try await workshop.run(
      "/bin/bash",
      [
        "-c",
        """
        mkfifo lines; freshet events --follow --after 0 --json > lines & number=$!
        exec 3< lines; read -r one <&3; read -r two <&3; kill -INT $number; wait $number; echo $?
        """,
      ]
    )
    #expect(outcome.output == "0\n" && outcome.errors.isEmpty, "\(outcome.errors)")
  }

  @Test func aWebhookNeedsTrustAndItsFailureIsNotTheSyncs() async throws {
    // Nobody listens at port 9.
    let hook = "webhooks:\n  - { name: ops, url: 'http://127.0.0.1:9/', timeout: 1s, retries: 0 }\n"
    let workshop = try await workshop(hook)
    let refused = try await workshop.freshet("sync")
    #expect(refused.code == 1 && refused.errors.contains("freshet trust"))
    #expect(refused.errors.contains("webhooks[1].url"))
    let trust = try await workshop.freshet("trust")
    #expect(trust.code == 0 && trust.output.contains("webhooks[1].url: http://127.0.0.1:9/"))
    let sync = try await workshop.freshet("sync", "--json")
    #expect(sync.code == 0)
    let delivery = try #require((try sync.last()["deliveries"] as? [[String: Any]])?.first)
    #expect(delivery["state"] as? String == "failing" && delivery["pending"] as? Int == 2)
    #expect(sync.errors.contains("webhook:ops: 0 events delivered; 2 changes left for the next run"))
    let deliver = try await workshop.freshet("events", "deliver")
    #expect(deliver.code == 1 && deliver.errors.contains("does not take connections"))
    // A change of what is pinned asks again.
    try workshop.write(
      "freshet.yaml",
      "sources:\n  - { name: docs, path: docs }\n" + hook.replacingOccurrences(of: "127.0.0.1", with: "127.0.0.2")
    )
    #expect(try await workshop.freshet("sync").code == 1)
  }

  @Test func aSecretThatIsMissingIsSaidWithoutStoppingASync() async throws {
    let workshop = try await workshop(
      "webhooks:\n  - { name: ops, url: 'http://127.0.0.1:9/', secret_env: OPS_HOOK_SECRET }\n"
    )
    let sync = try await workshop.freshet("sync", "--trust")
    #expect(sync.code == 0 && sync.errors.contains("`OPS_HOOK_SECRET` (`secret_env`) is not set"))
    let deliver = try await workshop.freshet("events", "deliver", "--trust")
    #expect(deliver.code == 1)
    let nothing = try Workshop()
    try nothing.write("freshet.yaml", "sources:\n  - { name: docs, path: docs }\n")
    try nothing.writeDocuments()
    #expect(try await nothing.freshet("sync", "-q").code == 0)
    #expect(try await nothing.freshet("events", "deliver").errors.contains("no webhook and no mail is configured"))
  }
}
