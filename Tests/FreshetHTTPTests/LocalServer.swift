import Foundation
import Synchronization
import Testing

/// A small HTTP/1.1 server on 127.0.0.1 that answers what a test says.
final class LocalServer: Sendable {
  struct Request: Sendable {
    var method: String
    var path: String
    var headers: [String: String]
    var body: [UInt8]
  }

  enum Reply: Sendable {
    case answer(status: Int, headers: [String: String] = [:], body: String = "")
    /// The same with any bytes; with `nil` the fields alone, as `HEAD` is answered.
    case bytes(status: Int, headers: [String: String], body: [UInt8]?)
    /// A status line and fields, then a byte now and then, for as long as the client listens.
    case drip
    /// Nothing, until the client goes.
    case hang
    /// These bytes, and the end.
    case raw(String)
  }

  let port: Int
  private let listener: Int32
  private let log = Mutex<[Request]>([])
  private let answer: @Sendable (Request, Int) -> Reply

  var url: String { "http://127.0.0.1:\(port)" }
  var requests: [Request] { log.withLock { $0 } }

  /// - Parameter answer: the reply to a request, with its number from 1.
  init(_ answer: @escaping @Sendable (Request, Int) -> Reply) throws {
    self.answer = answer
    listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let listener = listener
    let port = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic -> Int in
        guard bind(listener, generic, size) == 0, listen(listener, 64) == 0,
          getsockname(listener, generic, &size) == 0
        else { return 0 }
        return pointer.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
          Int(UInt16(bigEndian: $0.pointee.sin_port))
        }
      }
    }
    self.port = port
    try #require(port > 0)
    Thread { [self] in
      // Closed here only: a number that is closed under a waiting `accept` is soon another server's listener.
      defer { close(listener) }
      while true {
        let connection = accept(listener, nil, nil)
        guard connection >= 0 else { return }
        Thread { self.serve(connection) }.start()
      }
    }.start()
  }

  /// Ends the server's threads.
  func stop() {
    shutdown(listener, Int32(SHUT_RDWR))
  }

  private func serve(_ connection: Int32) {
    defer { close(connection) }
    var buffer: [UInt8] = []
    while let request = read(connection, &buffer) {
      let number = log.withLock { log in
        log.append(request)
        return log.count
      }
      switch answer(request, number) {
      case .answer(let status, let headers, let body):
        var text = "HTTP/1.1 \(status) Status\r\nContent-Length: \(body.utf8.count)\r\n"
        for (name, value) in headers { text += "\(name): \(value)\r\n" }
        send(connection, text + "\r\n" + body)
      case .bytes(let status, let headers, let body):
        var text = "HTTP/1.1 \(status) Status\r\n"
        if let body { text += "Content-Length: \(body.count)\r\n" }
        for (name, value) in headers { text += "\(name): \(value)\r\n" }
        send(connection, Array((text + "\r\n").utf8) + (body ?? []))
      case .drip:
        send(connection, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while send(connection, " "), !isClosed(connection, milliseconds: 50) {}
        return
      case .hang:
        while !isClosed(connection, milliseconds: 1000) {}
        return
      case .raw(let text):
        send(connection, text)
        return
      }
    }
  }

  private func read(_ connection: Int32, _ buffer: inout [UInt8]) -> Request? {
    let separator = Array("\r\n\r\n".utf8)
    var headEnd: Int?
    var length = 0
    var part = [UInt8](repeating: 0, count: 65_536)
    while true {
      if headEnd == nil, let range = Data(buffer).range(of: Data(separator)) {
        headEnd = range.upperBound
        let head = String(decoding: buffer[..<range.lowerBound], as: UTF8.self).lowercased()
        length =
          head.split(separator: "\r\n").first { $0.hasPrefix("content-length:") }
          .flatMap { Int($0.dropFirst(15).trimmingCharacters(in: .whitespaces)) } ?? 0
        if head.contains("expect: 100-continue") { send(connection, "HTTP/1.1 100 Continue\r\n\r\n") }
      }
      if let headEnd, buffer.count >= headEnd + length {
        let lines = String(decoding: buffer[..<headEnd], as: UTF8.self).components(separatedBy: "\r\n")
        let words = lines[0].split(separator: " ")
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
          guard let colon = line.firstIndex(of: ":") else { continue }
          headers[line[..<colon].lowercased()] =
            line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
        }
        let body = Array(buffer[headEnd..<headEnd + length])
        buffer.removeFirst(headEnd + length)
        guard words.count > 1 else { return nil }
        return Request(method: String(words[0]), path: String(words[1]), headers: headers, body: body)
      }
      let count = recv(connection, &part, part.count, 0)
      guard count > 0 else { return nil }
      buffer += part[..<count]
    }
  }

  @discardableResult private func send(_ connection: Int32, _ text: String) -> Bool {
    send(connection, Array(text.utf8))
  }

  @discardableResult private func send(_ connection: Int32, _ bytes: [UInt8]) -> Bool {
    var sent = 0
    while sent < bytes.count {
      let count = bytes.withUnsafeBytes { raw in
        Glibc.send(connection, raw.baseAddress.map { $0 + sent }, raw.count - sent, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { return false }
      sent += count
    }
    return true
  }

  private func isClosed(_ connection: Int32, milliseconds: Int32) -> Bool {
    var wait = pollfd(fd: connection, events: Int16(POLLIN), revents: 0)
    guard poll(&wait, 1, milliseconds) > 0 else { return false }
    var byte: UInt8 = 0
    return recv(connection, &byte, 1, Int32(MSG_PEEK)) <= 0
  }
}
