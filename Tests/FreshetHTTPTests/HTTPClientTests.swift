import Foundation
import FreshetHTTP
import FreshetModel
import Testing

@Suite(.timeLimit(.minutes(10))) struct HTTPClientTests {
  func client(_ server: LocalServer, _ change: (inout HTTPLimits) -> Void = { _ in }) -> HTTPClient {
    var limits = HTTPLimits()
    change(&limits)
    return HTTPClient(
      policy: AddressPolicy(trusted: [AddressPolicy.Endpoint(host: "127.0.0.1", port: server.port)]),
      limits: limits
    )
  }

  func failure(_ client: HTTPClient, _ url: String) async -> FreshetError? {
    do {
      _ = try await client.send(HTTPRequest(url: url))
      return nil
    } catch {
      return error as? FreshetError
    }
  }

  @Test func anAnswerComesWholeWithItsFields() async throws {
    let server = try LocalServer { request, _ in
      .answer(status: 201, headers: ["X-Name": " Value "], body: String(decoding: request.body, as: UTF8.self))
    }
    defer { server.stop() }
    let body = String(repeating: "text ", count: 5000)
    let response = try await client(server).send(
      HTTPRequest(method: "POST", url: server.url + "/a?b=c", headers: [("X-Key", "k")], body: Array(body.utf8))
    )
    #expect(response.status == 201)
    #expect(response.header("x-name") == "Value")
    #expect(response.body == Array(body.utf8))
    #expect(server.requests[0].path == "/a?b=c")
    #expect(server.requests[0].headers["x-key"] == "k")
  }

  @Test(arguments: [
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
    "224.0.0.1", "255.255.255.255", "198.18.0.1", "::1", "::", "fe80::1", "fc00::1", "fd12::1", "ff02::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001::1", "2001:db8::1", "::7f00:1",
    "nonsense",
  ])
  func privateAndReservedAddressesAreNotPublic(address: String) {
    #expect(!AddressPolicy.isPublic(address))
  }

  @Test(arguments: ["1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
  func addressesOfTheInternetArePublic(address: String) {
    #expect(AddressPolicy.isPublic(address))
  }

  @Test func aPrivateAddressIsRefusedHoweverItIsWritten() async throws {
    let server = try LocalServer { _, _ in .answer(status: 200) }
    defer { server.stop() }
    let client = HTTPClient()
    for host in ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "0177.0.0.1", "[::ffff:127.0.0.1]", "127.1"] {
      let error = await failure(client, "http://\(host):\(server.port)/")
      #expect(error?.code == .forbiddenAddress, "\(host)")
    }
    #expect(server.requests.isEmpty)
  }

  @Test func onlyTheTrustedPortOfAHostIsCalled() async throws {
    let trusted = try LocalServer { _, _ in .answer(status: 200) }
    let other = try LocalServer { _, _ in .answer(status: 200) }
    defer {
      trusted.stop()
      other.stop()
    }
    #expect(await failure(client(trusted), other.url)?.code == .forbiddenAddress)
    #expect(await failure(client(trusted), trusted.url) == nil)
  }

  @Test(arguments: [
    "file:///etc/passwd", "ftp://127.0.0.1/", "gopher://x", "not an address", "", "http://u:secret@127.0.0.1/",
  ])
  func otherSchemesAndCredentialsAreRefused(url: String) async {
    let error = await failure(HTTPClient(), url)
    #expect(error?.code == .forbiddenAddress)
    #expect(error?.description.contains("secret") == false)
  }

  @Test func aRedirectIsFollowedAndJudgedAnew() async throws {
    let other = try LocalServer { _, _ in .answer(status: 200, body: "other") }
    let server = try LocalServer { [port = other.port] request, _ in
      switch request.path {
      case "/inside": .answer(status: 302, headers: ["Location": "/end"])
      case "/outside": .answer(status: 302, headers: ["Location": "http://127.0.0.1:\(port)/"])
      case "/file": .answer(status: 302, headers: ["Location": "file:///etc/passwd"])
      case "/loop": .answer(status: 302, headers: ["Location": "/loop"])
      default: .answer(status: 200, body: "end")
      }
    }
    defer {
      server.stop()
      other.stop()
    }
    let client = client(server)
    let response = try await client.send(
      HTTPRequest(url: server.url + "/inside", headers: [("Authorization", "k")])
    )
    #expect(response.body == Array("end".utf8))
    #expect(server.requests.last?.headers["authorization"] == "k")
    #expect(await failure(client, server.url + "/outside")?.code == .forbiddenAddress)
    #expect(await failure(client, server.url + "/file")?.code == .forbiddenAddress)
    #expect(await failure(client, server.url + "/loop")?.code == .network)
    #expect(other.requests.isEmpty)
  }

  @Test func credentialsDoNotFollowToAnotherOrigin() async throws {
    let other = try LocalServer { _, _ in .answer(status: 200) }
    let server = try LocalServer { [port = other.port] _, _ in
      .answer(status: 307, headers: ["Location": "http://127.0.0.1:\(port)/"])
    }
    defer {
      server.stop()
      other.stop()
    }
    let client = HTTPClient(
      policy: AddressPolicy(
        trusted: [.init(host: "127.0.0.1", port: server.port), .init(host: "127.0.0.1", port: other.port)])
    )
    _ = try await client.send(
      HTTPRequest(
        method: "POST",
        url: server.url,
        headers: [("Authorization", "k"), ("Cookie", "c"), ("X-Other", "o")],
        body: [1, 2]
      )
    )
    let last = try #require(other.requests.last)
    #expect(last.method == "POST" && last.body == [1, 2])
    #expect(last.headers["authorization"] == nil && last.headers["cookie"] == nil && last.headers["x-other"] == "o")
  }

  @Test func aSlowOrSilentServerEndsAtTheTimeout() async throws {
    let server = try LocalServer { request, _ in request.path == "/drip" ? .drip : .hang }
    defer { server.stop() }
    let client = client(server) { $0.timeout = .milliseconds(300) }
    for path in ["/drip", "/hang"] {
      let error = await failure(client, server.url + path)
      #expect(error?.code == .network)
      #expect(error?.isTransient == true)
    }
  }

  @Test func tooMuchIsNotRead() async throws {
    let server = try LocalServer { request, _ in
      request.path == "/header"
        ? .answer(status: 200, headers: ["X": String(repeating: "x", count: 70_000)])
        : .answer(status: 200, body: String(repeating: "x", count: 2000))
    }
    defer { server.stop() }
    let client = client(server) { $0.maximumBodyBytes = 1000 }
    #expect(await failure(client, server.url)?.message.contains("larger than 1 kB") == true)
    #expect(await failure(client, server.url + "/header")?.isTransient == false)
  }

  @Test func aBrokenConnectionIsTransient() async throws {
    let server = try LocalServer { _, _ in .raw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort") }
    defer { server.stop() }
    #expect(await failure(client(server), server.url)?.isTransient == true)
  }

  @Test func cancellationEndsAHangingExchangeAtOnce() async throws {
    let (arrived, arrival) = AsyncStream.makeStream(of: Void.self)
    let server = try LocalServer { _, _ in
      arrival.yield()
      return .hang
    }
    defer { server.stop() }
    let client = client(server)
    let task = Task { try await client.send(HTTPRequest(url: server.url)) }
    for await _ in arrived { break }
    let start = ContinuousClock.now
    task.cancel()
    let result = await task.result
    #expect(throws: CancellationError.self) { try result.get() }
    #expect(ContinuousClock.now - start < .seconds(60))
    let early = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      return try await client.send(HTTPRequest(url: server.url))
    }
    await #expect(throws: CancellationError.self) { try await early.value }
  }

  @Test func connectionsAreKeptForTheNextRequest() async throws {
    let server = try LocalServer { _, _ in .answer(status: 200) }
    defer { server.stop() }
    let client = client(server) { $0.maximumConcurrency = 1 }
    for _ in 0..<20 { _ = try await client.send(HTTPRequest(url: server.url)) }
    #expect(server.requests.count == 20)
  }
}
