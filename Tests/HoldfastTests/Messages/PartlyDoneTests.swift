import HoldfastTesting
import RedisLink
import RedisTestRig
import TestSupport
import Testing

@testable import Holdfast

@Suite("A call that takes several steps")
struct PartlyDoneTests {
    @Test("says that it may have happened when a later step is refused")
    func secondStep() async throws {
        try await withHoldfast { witness, server in
            let proxy = try FaultProxy(to: server.unixURL)
            let holdfast = try Holdfast(redis: proxy.url, namespace: "t", logger: .quiet)
            let queue = holdfast.queue("q", of: Int.self)
            // The server has the script from now on.
            try await queue.send(0, id: "first")
            let odd = FaultAction.replace(Array("-ERR odd\r\n".utf8))
            for (call, mayHaveHappened) in [(1, false), (2, true)] {
                proxy.setRules([FaultRule(.reply, of: "EVALSHA", .call(call), [odd])])
                _ = try await holdfast.redis("PING")
                let error = await #expect(throws: HoldfastError.self) {
                    try await queue.send(contentsOf: (0..<501).map { (id: "\($0)", message: $0) })
                }
                #expect(error?.code == .refused && error?.mayHaveHappened == mayHaveHappened)
            }
            #expect(try await witness.queue("q", of: Int.self).status().ready >= 501)
            await holdfast.close()
        }
    }
}
