import RedisLink
import Synchronization

/// A message that is claimed: its content, the proof of ownership, and the state of its lease.
///
/// Shared by the consumer, which renews and settles it, and the handler's task, which is cancelled when it
/// ends.
package final class MessageClaim: Sendable {
    private struct State: Sendable {
        var lease: LeaseState
        var isEnded = false
        var handler: Task<Void, Never>?
        var activity: ManualTime.Activity?
    }

    /// The entry in the queue's stream.
    let entry: String
    let id: String
    /// The id as Redis has it; nil where that are the bytes of ``id``.
    private let rawID: [UInt8]?
    /// What kind of message its sender says it is; empty if it does not say.
    let type: String
    let attempt: Int
    let body: [UInt8]
    let fencingToken: FencingToken
    /// The fence and the token as Redis has them in the owner: the same for all that one call claimed.
    private let proof: String
    /// The server's time when it was claimed, in ms.
    private let claimedAt: Int64
    private let clock: LocalClock
    private let state: Mutex<State>

    package init(
        entry: String, id: [UInt8], type: String, attempt: Int, body: [UInt8], fencingToken: FencingToken,
        proof: String, claimedAt: Int64, lease: LeaseState, clock: LocalClock
    ) {
        self.clock = clock
        self.entry = entry
        let text = String(validating: id, as: UTF8.self)
        self.id = text ?? id.text
        rawID = text == nil ? id : nil
        self.type = type
        self.attempt = attempt
        self.body = body
        self.fencingToken = fencingToken
        self.proof = proof
        self.claimedAt = claimedAt
        state = Mutex(State(lease: lease))
    }

    /// The id as scripts know it.
    var idArgument: RedisArgument { rawID.map(RedisArgument.bytes) ?? .string(id) }

    /// Why no handler can be given the message; nil if one can. Only other clients send what this library refuses.
    var problem: String? {
        if rawID != nil { return "its id is no UTF-8" }
        let count = id.utf8.count
        return count > MessageLimits.id
            ? "its id has \(count) bytes, which is more than \(MessageLimits.id)" : nil
    }

    /// For one call of claim.lua, by this instance: so that one can tell who has a message. So long for Redis' sake: the
    /// script says why.
    static func newToken(of instance: String) -> String { RandomHex.digits(32, after: instance + ":") }

    /// What Redis has recorded as the owner. It carries the token: never to be logged.
    var owner: String { String(attempt) + proof }

    /// For how long the message was in the queue when it was claimed, by the server's clock.
    var age: Duration {
        .milliseconds(claimedAt.since(enqueuedAt))
    }

    /// When the message was added, in ms by the server's clock: its entry begins with that, unless who added it chose
    /// another one.
    var enqueuedAt: Int64 {
        // A letter may stand before the number.
        Int64(entry.drop { !$0.isNumber }.prefix { $0 != "-" }) ?? claimedAt
    }

    /// Each has a stream of its own, which claim.lua tells by the entry's first letter.
    var priority: SendOptions.Priority {
        switch entry.utf8.first {
        case UInt8(ascii: "h"): .high
        case UInt8(ascii: "l"): .low
        default: .normal
        }
    }

    /// Its handling, as a test's clock knows it; nil without one.
    var activity: ManualTime.Activity? {
        get { clock.manual == nil ? nil : state.withLock { $0.activity } }
        set { state.withLock { $0.activity = newValue } }
    }

    var isHeld: Bool { state.withLock { $0.lease.isHeld(at: clock.now) } }

    var remaining: Duration {
        state.withLock { state in
            guard state.lease.phase == .held else { return .zero }
            return max(state.lease.deadline - clock.now, .zero)
        }
    }

    var loss: LossReason? {
        state.withLock { state in
            switch state.lease.phase {
            case .lost(let reason): reason
            case .held, .released: state.lease.isHeld(at: clock.now) ? nil : .expired
            }
        }
    }

    /// Changes the lease's state. If that loses the lease, the handler is cancelled.
    @discardableResult
    package func update<R: Sendable>(_ change: @Sendable (inout LeaseState) -> R) -> R {
        let (result, phase) = state.withLock { state in (change(&state.lease), state.lease.phase) }
        if case .lost = phase { end() }
        return result
    }

    /// Starts the handler's task, once. It is cancelled by ``end()`` and by the loss of the lease, also if
    /// that came before.
    func start(_ handler: @escaping @Sendable (MessageClaim) async -> Void) {
        guard let activity else { return attach(Task { await handler(self) }) }
        attach(Task { await [activity].including { await handler(self) } })
    }

    /// Takes a task that handles this message, perhaps with others.
    func attach(_ task: Task<Void, Never>) {
        let isEnded = state.withLock { state in
            if !state.isEnded { state.handler = task }
            return state.isEnded
        }
        if isEnded { task.cancel() }
    }

    /// The handler is through, or is to be cancelled.
    func end() {
        let handler = state.withLock { state in
            state.isEnded = true
            defer { state.handler = nil }
            return state.handler
        }
        handler?.cancel()
    }
}

extension MessageClaim {
    /// What a call of claim.lua brought.
    struct Batch: Sendable {
        var claims: [MessageClaim] = []
        /// How long until there may be more to claim, as far as that is known; nil if nothing is.
        var nextDue: Duration?
        /// How many of the claims were taken over from others, or ended so.
        var takenOver: Int
        /// What could not be read.
        var strays: [Stray]
        let sentAt: Moment
    }
}
