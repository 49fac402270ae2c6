import Holdfast
import HoldfastTesting
import Logging
import TestSupport
import Testing

@testable import HoldfastTool

@Suite struct ChosenLettersTests {
    @Test func `All dead letters are those that were there at the beginning, whatever others remove`()
        async throws
    {
        try await withPrivateRedisServer { server in
            let key = "holdfast:{q}:dead"
            let fill = "for i = 1, 501 do redis.call('XADD', KEYS[1], i .. '-0', 'body', '1') end"
            try await redisCLI(server, "EVAL", fill, "1", key)
            let holdfast = try Holdfast(
                redis: server.url, logger: .quiet)
            let store = try holdfast.store(ofQueue: "q")
            let newest = try await store.newestDeadLetter()
            #expect(newest == "501-0")
            var taken: [String] = []
            try await store.forEachPage(through: newest) { letters in
                taken += letters.map(\.entry)
                // One fewer of those before, and one that died later: as text it would come before them.
                try await redisCLI(server, "XDEL", key, "501-0")
                try await redisCLI(server, "XADD", key, "1000-0", "body", "1")
            }
            #expect(taken == (1...500).map { "\($0)-0" })
            await holdfast.close()
        }
    }
}
