import HoldfastTesting
import Testing

@testable import RedisLink

@Suite("Back-off")
struct BackoffTests {
    @Test("the ceiling doubles from 50 ms to 2 s and stays there")
    func ceiling() {
        var backoff = Backoff()
        let almostOne = 1 - Double.ulpOfOne
        let waits = (0..<100).map { _ in backoff.failed(random: almostOne) / .milliseconds(1) }
        let ceilings: [Double] = [50, 100, 200, 400, 800, 1600] + Array(repeating: 2000, count: 94)
        for (wait, ceiling) in zip(waits, ceilings) {
            #expect(wait <= ceiling && wait > ceiling * 0.999)
        }
    }

    @Test("the wait is the random part of the ceiling")
    func jitter() {
        for random in [0, 0.25, 0.5, 0.75] {
            var backoff = Backoff()
            #expect(backoff.failed(random: random) == .milliseconds(50) * random)
            #expect(backoff.failed(random: random) == .milliseconds(100) * random)
        }
    }

    @Test("success begins again at the first ceiling")
    func success() {
        var backoff = Backoff()
        for _ in 0..<10 { _ = backoff.failed(random: 0.5) }
        #expect(backoff.failures == 10)
        backoff.succeeded()
        #expect(backoff.failed(random: 0.5) == .milliseconds(25))
    }
}
