import FreshetDelivery
import FreshetHTTP
import FreshetModel
import FreshetSystem
import FreshetTestKit
import Foundation
import Testing

/// The SMTP server of `mail_server.py`, and a certificate that `openssl` made for it.
private struct MailServerProcess {
  let port: Int
  private let program: TestProgram
  private let folder: TemporaryDirectory

  var certificate: String { folder.path + "/certificate.pem" }

  init(encrypted: Bool = true, _ flags: String...) async throws {
    folder = try TemporaryDirectory()
    var files = ["-", "-"]
    if encrypted {
      files = [folder.path + "/certificate.pem", folder.path + "/key.pem"]
      let openssl = try await TestProgram(
        "/usr/bin/openssl",
        [
          "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
          "subjectAltName=IP:127.0.0.1,DNS:localhost", "-keyout", files[1], "-out", files[0],
        ]
      )
      let ending = openssl.process.wait(within: .seconds(60))
      let complaints = try openssl.errors()
      try #require(ending == .exited(0), "\(complaints)")
    }
    let script = URL(filePath: #filePath).deletingLastPathComponent().path + "/mail_server.py"
    program = try await TestProgram(
      "/usr/bin/env",
      ["python3", script] + files + flags,
      environment: ProcessInfo.processInfo.environment.filter { ["PATH", "HOME", "PYENV_ROOT"].contains($0.key) }
    )
    let line = program.line()
    let complaints = try program.errors()
    port = try #require(line.flatMap { Int($0) }, "\(complaints)")
  }

  /// The next message that the server took.
  func message() throws -> [String: Any] {
    let line = try #require(program.line())
    return try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
  }
}

@Suite(.timeLimit(.minutes(10)), .serialized) struct MailTests {
  private func channel(
    _ server: MailServerProcess,
    encrypted: Bool = true,
    user: String? = nil,
    password: String? = nil,
    timeout: Duration = .seconds(10),
    certificates: Bool = true
  ) throws -> MailChannel {
    var place = MailServer(url: "smtp://127.0.0.1:\(server.port)")
    place.isEncrypted = encrypted
    place.user = user
    place.password = password
    if encrypted, certificates { place.certificateFile = server.certificate }
    var settings = MailSettings(server: place, from: "freshet@example.com", to: ["ops@example.com", "b@example.org"])
    settings.timeout = timeout
    return try MailChannel(settings)
  }

  @Test func aNoticeIsAMessageToEveryRecipient() async throws {
    let server = try await MailServerProcess()
    try await channel(server).send(NoticeTests.notice())
    let message = try server.message()
    #expect(message["to"] as? [String] == ["ops@example.com", "b@example.org"], "\(message)")
    let (fields, text) = try Self.parts(message)
    #expect(fields["subject"] == "Freshet: Alert: 10 documents failed in a row")
    #expect(text.contains("Collection /srv/docs\r\n") && !text.contains("*c*\nline"), "\(text)")
  }

  @Test func aDigestIsHandedOverEncryptedToEveryRecipient() async throws {
    let server = try await MailServerProcess(encrypted: true, "login")
    let channel = try channel(server, user: "ops", password: "secret")
    try await channel.send(WebhookTests.batch(["guide/keys.md", "guide/Schlüssel.md"], .created))
    let taken = try server.message()
    #expect(taken["encrypted"] as? Bool == true && taken["user"] as? String == "ops")
    #expect(taken["from"] as? String == "freshet@example.com")
    #expect(taken["to"] as? [String] == ["ops@example.com", "b@example.org"])
    let (fields, text) = try Self.parts(taken)
    #expect(fields["subject"] == "Freshet: 2 created in docs")
    #expect(fields["content-type"] == "text/plain; charset=utf-8")
    #expect(fields["message-id"]?.hasSuffix("@example.com>") == true)
    #expect(text.contains("created guide/keys.md\r\ncreated guide/Schlüssel.md\r\n"))
    let wrong = await WebhookTests.failure(try self.channel(server, user: "ops", password: "wrong"))
    #expect(wrong?.code == .deliveryFailed && wrong?.message.contains("password") == true)
  }

  @Test func withoutEncryptionNothingIsSentUnlessItIsAskedFor() async throws {
    let server = try await MailServerProcess(encrypted: false)
    var place = MailServer(url: "smtp://127.0.0.1:\(server.port)")
    let encrypted = try MailChannel(MailSettings(server: place, from: "a@example.com", to: ["b@example.com"]))
    #expect(await WebhookTests.failure(encrypted)?.message.contains("STARTTLS") == true)
    place.isEncrypted = false
    let plain = try MailChannel(MailSettings(server: place, from: "a@example.com", to: ["b@example.com"]))
    #expect(await WebhookTests.failure(plain) == nil)
    #expect(try server.message()["encrypted"] as? Bool == false)
    place.user = "ops"
    place.password = "secret"
    let revealing = try MailChannel(MailSettings(server: place, from: "a@example.com", to: ["b@example.com"]))
    #expect(await WebhookTests.failure(revealing)?.code == .invalidConfiguration)
  }

  @Test func aCertificateThatNobodyVouchesForIsRefused() async throws {
    let server = try await MailServerProcess()
    let failure = await WebhookTests.failure(try channel(server, certificates: false))
    #expect(failure?.code == .network && failure?.isTransient == false)
  }

  @Test func aRefusalAndAHangAreFailures() async throws {
    let refusing = try await MailServerProcess(encrypted: true, "refuse")
    let refused = await WebhookTests.failure(try channel(refusing))
    #expect(refused?.code == .deliveryFailed && refused?.message.contains("554") == true)
    let hanging = try await MailServerProcess(encrypted: true, "hang")
    let hung = await WebhookTests.failure(try channel(hanging, timeout: .seconds(2)))
    #expect(hung?.code == .network && hung?.isTransient == true)
  }

  @Test func hostileNamesAddNoHeaderField() async throws {
    let server = try await MailServerProcess()
    var batch = WebhookTests.batch(WebhookTests.hostileNames, .created)
    for index in batch.events.indices { batch.events[index].source = "s\r\nBcc: thief@example.com\r\n\r\nx" }
    try await channel(server).send(batch)
    let taken = try server.message()
    let (fields, text) = try Self.parts(taken)
    #expect(
      Set(fields.keys) == [
        "from", "to", "subject", "date", "message-id", "auto-submitted", "mime-version", "content-type",
        "content-transfer-encoding",
      ]
    )
    #expect(taken["to"] as? [String] == ["ops@example.com", "b@example.org"])
    #expect(!text.contains("\nBcc") && !text.contains("\u{202E}"))
    let message = try #require(taken["message"] as? String)
    #expect(message.components(separatedBy: "\r\n").allSatisfy { $0.utf8.count <= 78 })
    #expect(message.utf8.allSatisfy { $0 < 0x7F })
  }

  @Test(arguments: ["ops", "a@b@c", "a b@c.de", "a@c.de\r\nBcc: x@y.z", "<a@c.de>", "", "ü@c.de"])
  func whatIsNoAddressIsRefused(text: String) {
    #expect(!MailChannel.isAddress(text))
    let settings = MailSettings(server: MailServer(url: "smtp://127.0.0.1"), from: "a@b.de", to: [text])
    #expect(throws: FreshetError.self) { try MailChannel(settings) }
  }

  /// The header fields, unfolded and decoded, by lower-case name, and the text.
  private static func parts(_ taken: [String: Any]) throws -> (fields: [String: String], text: String) {
    let message = try #require(taken["message"] as? String)
    let end = try #require(message.range(of: "\r\n\r\n"))
    let head = message[..<end.lowerBound].replacingOccurrences(of: "\r\n ", with: " ")
    var fields: [String: String] = [:]
    for line in head.components(separatedBy: "\r\n") {
      let colon = try #require(line.firstIndex(of: ":"), "a line without a name: \(line)")
      fields[line[..<colon].lowercased()] = String(line[line.index(colon, offsetBy: 2)...])
    }
    let digits = message[end.upperBound...].replacingOccurrences(of: "\r\n", with: "")
    let body = try #require(Data(base64Encoded: digits))
    return (fields, String(decoding: body, as: UTF8.self))
  }
}
