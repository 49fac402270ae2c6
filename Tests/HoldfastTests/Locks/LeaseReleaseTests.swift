import Logging
import RedisLink
import TestSupport
import Testing

@testable import Holdfast

/// Answers each release when a test lets it.
private final class GatedIssuer: LeaseIssuer {
    let observers = Observers()
    let gate = Gate()
    let asked = Record<Bool>()
    let answer: Result<LossReason?, HoldfastError>

    init(_ answer: Result<LossReason?, HoldfastError>) { self.answer = answer }

    nonisolated(nonsending) func release(
        _ grant: Grant, late: Bool
    ) async throws(HoldfastError) -> LossReason? {
        asked.add(late)
        // Cancellation does not interrupt a release.
        await Task { try? await gate.pass() }.value
        return try answer.get()
    }

    func abandon(_ grant: Grant) {}

    func lease() -> Lease {
        let claim = LeaseClaim(lock: "a", key: "t:{a}:lock", token: "t", lease: LeaseTerm(.seconds(30)))
        return Lease(Grant(claim, sentAt: .now), fence: nil, issuer: self)
    }
}

@Suite("A release of a lease")
struct LeaseReleaseTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let answer: Result<LossReason?, HoldfastError>
        let code: HoldfastError.Code?
        let status: LeaseStatus
    }

    static let rows = [
        Row(testDescription: "released", answer: .success(nil), code: nil, status: .released),
        Row(testDescription: "lost", answer: .success(.taken), code: .lost, status: .lost(.taken)),
        Row(
            testDescription: "failed",
            answer: .failure(HoldfastError(.unknownOutcome, "no answer", mayHaveHappened: true)),
            code: .unknownOutcome, status: .released),
    ]

    @Test("is asked for once, and others wait for its answer and get the same", arguments: rows)
    func several(row: Row) async throws {
        let issuer = GatedIssuer(row.answer)
        let lease = issuer.lease()
        let changes = lease.statusChanges
        let codes = Record<HoldfastError.Code?>()
        let first = Task { codes.add(await code { try await lease.release() }) }
        #expect(await eventually { issuer.asked.count == 1 })
        #expect(!lease.isHeld && lease.status == .released)
        let loss = Task { await lease.untilLost() }
        let others = (0..<2).map { _ in Task { codes.add(await code { try await lease.release() }) } }
        // Cancelled or not.
        others[0].cancel()
        #expect(await eventually { lease.grant.waitingReleases == 2 })
        #expect(codes.count == 0)
        // One that begins meanwhile has nothing to tell yet.
        let late = lease.statusChanges
        issuer.gate.open()
        for task in [first] + others { await task.value }
        #expect(codes.all == [row.code, row.code, row.code])
        #expect(await code { try await lease.release() } == row.code)
        #expect(issuer.asked.count == 1)
        #expect(lease.status == row.status)
        if case .lost(let reason) = row.status {
            #expect(await loss.value == reason)
        } else {
            #expect(await loss.value == nil)
        }
        var seen: [[LeaseStatus]] = [[], []]
        for await status in changes { seen[0].append(status) }
        for await status in late { seen[1].append(status) }
        #expect(seen == [[.held, row.status], [row.status]])
    }

    @Test("of a lease that is dropped tells those who watch its status")
    func dropped() async {
        let issuer = GatedIssuer(.success(nil))
        var lease: Lease? = issuer.lease()
        let changes = lease!.statusChanges
        lease = nil
        var seen: [LeaseStatus] = []
        for await status in changes { seen.append(status) }
        #expect(seen == [.held, .released])
        #expect(issuer.asked.count == 0)
    }

    @Test("is in one do with an acquisition, whose errors it shares")
    func oneDo() async throws {
        try await withHoldfast { holdfast, _ in
            for isLost in [true, false] {
                var told: HoldfastError.Code?
                do {
                    let lease = try await holdfast.acquire("a")
                    try lease.check()
                    if isLost { try await holdfast.redis("DEL", "t:{a}:lock") }
                    try await lease.release()
                } catch let error as HoldfastError {
                    told = error.code
                }
                #expect(told == (isLost ? .lost : nil))
            }
        }
    }
}
