import Testing

@testable import RedisLink

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A source with this socket.
private final class StubSource: LinkSource {
    var watched: (descriptor: Int32, events: Int16)?
    var isAwaiting: Bool

    init(_ descriptor: Int32?, isAwaiting: Bool = false) {
        watched = descriptor.map { ($0, 1) }
        self.isAwaiting = isAwaiting
    }

    func ready(_ events: Int16) {}
    func flush() {}
}

@Suite("The timers and the sleep of a thread")
struct TimersTests {
    private let start = ContinuousClock.now

    @Test("fire in the order of their deadlines, each once, and not before")
    func order() {
        var timers = Timers()
        var fired: [Int] = []
        for wait in [30, 10, 20] {
            _ = timers.add(at: start + .milliseconds(wait)) { fired.append(wait) }
        }
        #expect(timers.earliest == start + .milliseconds(10))
        let early = timers.popDue(at: start + .milliseconds(9))
        #expect(early == nil)
        while let fire = timers.popDue(at: start + .milliseconds(20)) { fire() }
        #expect(fired == [10, 20])
        #expect(timers.earliest == start + .milliseconds(30))
    }

    @Test("that are removed do not fire, and removing one again takes no other")
    func removed() {
        var timers = Timers()
        let first = timers.add(at: start) {}
        timers.remove(first)
        #expect(timers.earliest == nil)
        let second = timers.add(at: start) {}
        timers.remove(first)
        #expect(second != first)
        let due = timers.popDue(at: start)
        #expect(due != nil)
        _ = timers.add(at: start) {}
        timers.removeAll()
        let none = timers.popDue(at: start)
        #expect(none == nil)
    }

    @Test("a sleep has a place for each source, and none of them is kept alive")
    func places() {
        let one = StubSource(5)
        let other = StubSource(nil, isAwaiting: true)
        var gone: StubSource? = StubSource(6)
        let sources = [one, gone!, other].map { WatchedSource(object: $0) }
        gone = nil
        let sleep = Sleep(watching: sources, until: nil)
        #expect(sleep.sockets.map(\.fd) == [5, -1, -1])
        #expect(sleep.isAwaiting)
        #expect(!Sleep(watching: [sources[0]], until: nil).isAwaiting)
        withExtendedLifetime((one, other)) {}
    }

    @Test("a thread wakes in time for another sleep when it has the same sockets and an end that is no later")
    func covers() {
        let source = StubSource(5)
        func sleep(_ sources: [StubSource], _ wait: Int?) -> Sleep {
            Sleep(
                watching: sources.map { WatchedSource(object: $0) },
                until: wait.map { start + .milliseconds($0) })
        }
        #expect(sleep([source], 10).covers(sleep([source], 10)))
        #expect(sleep([source], 10).covers(sleep([source], nil)))
        #expect(!sleep([source], 10).covers(sleep([source], 9)))
        #expect(!sleep([source], nil).covers(sleep([source], 10)))
        #expect(!sleep([], nil).covers(sleep([source], nil)))
        #expect(!sleep([StubSource(6)], nil).covers(sleep([source], nil)))
    }

    @Test("poll waits until a timer is due, rounded up, an hour at the longest")
    func milliseconds() {
        func wait(_ duration: Duration?) -> Int32 {
            Sleep(watching: [], until: duration.map { start + $0 }).milliseconds(at: start)
        }
        #expect(wait(nil) == -1)
        #expect(wait(.seconds(-1)) == 0)
        #expect(wait(.zero) == 1)
        #expect(wait(.microseconds(1500)) == 2)
        #expect(wait(.seconds(86_400)) == 3_600_000)
    }
}
