import HoldfastTesting
import Logging
import RedisLink
import TestSupport
import Testing

@testable import Holdfast

@Suite("What befalls many leases")
struct LeaseNewsTests {
    private func lines(_ fate: LeaseEvent.Fate, of names: [String]) -> [String] {
        let lines = Record<String>()
        var news = LeaseNews()
        for name in names { news.add(fate, name) }
        news.tell(Observers(.log(to: .recording(lines))))
        #expect(news.isEmpty)
        return lines.all
    }

    @Test("is told in one line, with the names of a few and the number of the others")
    func words() {
        #expect(lines(.lost(.expired), of: []) == [])
        #expect(
            lines(.lost(.heldTooLong), of: ["a"]) == [
                "error: the lease of a was lost: it was held for its maximum time"
            ])
        #expect(
            lines(.heldAtClose, of: ["a", "b"]) == [
                "warning: the leases of a and b were still held when the client was closed"
            ])
        #expect(
            lines(.renewalFailed("no"), of: ["a", "b", "c", "d", "e"]) == [
                "warning: the leases of a, b, c and 2 others could not be renewed, trying again: no"
            ])
        #expect(
            lines(.notReleased("no"), of: ["a", "b", "c"]) == [
                """
                warning: the leases of a, b and c could not be released while closing, they end by themselves: no
                """
            ])
    }

    @Test("at the closing of their client is one warning", arguments: [true, false])
    func close(canBeReleased: Bool) async throws {
        try await withPrivateRedisServer { server in
            let lines = Record<String>()
            let holdfast = try Holdfast(
                redis: server.url, namespace: "t", logger: .recording(lines))
            var leases: [Lease] = []
            for number in 0..<100 { leases.append(try await holdfast.acquire("lock-\(number)")) }
            if !canBeReleased { try await holdfast.redis("ACL", "SETUSER", "default", "-evalsha") }
            await holdfast.close()
            #expect(leases.allSatisfy { $0.status == .lost(.closed) })
            let told = lines.all.filter { $0.hasPrefix("warning: the leases of ") }
            #expect(told.count == (canBeReleased ? 1 : 2))
            #expect(told[0].hasSuffix(" and 97 others were still held when the client was closed"))
            #expect(canBeReleased || told[1].contains(" and 97 others could not be released while closing"))
        }
    }

    @Test("when they cannot be renewed, and are lost, is one line each time")
    func outage() async throws {
        let lines = Record<String>()
        let clock = ManualClock()
        let memory = try InMemoryRedis(
            clock: clock, logger: .recording(lines))
        let holdfast = try memory.holdfast(namespace: "t")
        var leases: [Lease] = []
        for number in 0..<50 {
            leases.append(try await holdfast.acquire("lock-\(number)"))
            await clock.advance(by: .milliseconds(100))
        }
        try await holdfast.redis("FLUSHALL")
        await clock.advance(by: .seconds(10))
        #expect(leases.allSatisfy { $0.status == .lost(.taken) })
        @Sendable func losses() -> Int { lines.all.count { $0.hasPrefix("error: ") } }
        #expect(await eventually { losses() > 0 })
        // Leases of one length are renewed together: one batch, or a few while they were taken.
        #expect(losses() < 25)
        await holdfast.close()
    }
}
