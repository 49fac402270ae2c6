import Foundation
import Processes
import Testing

@Suite struct ChildProcessTests {
    private static func lastState(_ child: ChildProcess) async -> ChildProcess.State {
        for await _ in child.changes {}
        return child.state
    }

    @Test func `An exit status is told`() async throws {
        let child = try SpawnPlan("sh", ["-c", "exit 7"]).start()
        #expect(await Self.lastState(child) == .exited(status: 7))
    }

    @Test func `A signal can't hit a process that is over`() async throws {
        let child = try SpawnPlan("true").start()
        _ = await Self.lastState(child)
        #expect(child.signal(SIGKILL) == false)
        #expect(child.signalGroup(SIGKILL) == false)
    }

    @Test func `Stopping, continuing and killing show as changes`() async throws {
        let child = try SpawnPlan("sleep", ["60"]).start()
        var changes = child.changes.makeAsyncIterator()
        child.signal(SIGSTOP)
        #expect(await changes.next() == .stopped(signal: SIGSTOP))
        child.signal(SIGCONT)
        #expect(await changes.next() == .running)
        child.signal(SIGKILL)
        #expect(await changes.next() == .killed(signal: SIGKILL))
        #expect(await changes.next() == nil)
    }

    @Test func `A child has no descriptors but its standard streams`() async throws {
        let leak = open("/dev/null", O_RDONLY)
        defer { close(leak) }
        let listing = FileManager.default.temporaryDirectory.appending(path: "fds-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: listing) }
        var plan = SpawnPlan("sh", ["-c", "cd /proc/self/fd && echo *"])
        plan.input = .nothing
        plan.output = .appending(path: listing.path)
        #expect(await Self.lastState(try plan.start()) == .exited(status: 0))
        let names = try String(contentsOf: listing, encoding: .utf8).split(whereSeparator: \.isWhitespace)
        // Beyond the three, only descriptors of the shell itself may show, never the leaked one.
        #expect(Set(["0", "1", "2"]).isSubset(of: Set(names.map(String.init))))
        #expect(!names.contains(Substring(String(leak))) || leak < 4)
    }

    @Test func `A program that is not there is an error with its reason`() {
        let error = #expect(throws: SystemError.self) { try SpawnPlan("no-such-program-here").start() }
        #expect(error?.number == ENOENT)
    }

    @Test func `A child's standard input ends with its life line`() async throws {
        var lifeLine: LifeLine? = try LifeLine()
        var plan = SpawnPlan("cat")
        plan.input = .descriptor(try #require(lifeLine).childEnd)
        plan.output = .nothing
        let child = try plan.start()
        #expect(child.state == .running)
        lifeLine = nil
        #expect(await Self.lastState(child) == .exited(status: 0))
    }

    @Test func `The environment is added to, not replaced`() async throws {
        var plan = SpawnPlan("sh", ["-c", "test \"$HOLDFAST_TEST_WORD\" = hello && test -n \"$PATH\""])
        plan.environment = ["HOLDFAST_TEST_WORD": "hello"]
        #expect(await Self.lastState(try plan.start()) == .exited(status: 0))
    }
}
