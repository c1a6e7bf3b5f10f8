import FreshetSystem
import FreshetTestKit
import Glibc
import Testing

/// What a process does to itself: dying at a named place, taking signals.
@Suite struct ProcessTests {
  private func crash(_ point: String?, arrivals: Int) async throws -> (lines: [String], ending: ChildProcess.Ending?) {
    let environment = point.map { ["FRESHET_CRASH_POINT": $0] } ?? [:]
    let probe = try await TestProgram(
      beside: "system-probe",
      ["crash", "here", "\(arrivals)"],
      environment: environment
    )
    var lines: [String] = []
    while let line = probe.line() { lines.append(line) }
    return (lines, probe.process.wait(within: .seconds(60)))
  }

  @Test func aProcessDiesAtTheNamedArrivalAtTheNamedPlace() async throws {
    var (lines, ending) = try await crash("here", arrivals: 3)
    #expect(lines == ["1"] && ending == .signalled(SIGKILL))
    (lines, ending) = try await crash("here:3", arrivals: 5)
    #expect(lines == ["1", "2", "3"] && ending == .signalled(SIGKILL))
    for point in ["here:6", "elsewhere", nil] {
      (lines, ending) = try await crash(point, arrivals: 5)
      #expect(lines.count == 5 && ending == .exited(0))
    }
    (lines, ending) = try await crash("other:2", arrivals: 5)
    #expect(lines == ["1", "2"] && ending == .signalled(SIGKILL))
  }

  @Test func signalsComeAsElementsAndASecondStreamIsRefused() async throws {
    let probe = try await TestProgram(beside: "system-probe", ["signals"])
    #expect(probe.line() == "ready")
    for signal in [SIGUSR1, SIGUSR2, SIGUSR1] {
      probe.process.signal(signal)
      #expect(probe.line() == "\(signal)")
    }
    probe.process.signal(SIGTERM)
    #expect(probe.line() == "\(SIGTERM)")
    #expect(probe.line() == nil)
    #expect(probe.process.wait(within: .seconds(60)) == .exited(0))
  }

  @Test func inTheCageNothingCanBeOpenedReachedOrStarted() async throws {
    let probe = try await TestProgram(beside: "system-probe", ["cage"])
    let lines = String(decoding: try probe.rest(), as: UTF8.self).split(separator: "\n").map(String.init)
    // Where the kernel has no filter the other limits hold.
    let isFiltered = lines.first == "filtered true"
    if isFiltered {
      #expect(Array(lines.dropFirst().prefix(4)) == ["open false", "socket false", "start false", "kill false"])
    }
    #expect(Array(lines.suffix(3)) == ["16 MiB true", "512 MiB false", "descriptors true"])
    #expect(probe.process.wait(within: .seconds(60)) == .signalled(SIGXCPU))
  }
}
