import RedisLink

/// Who handles a message, and how often it is tried.
struct MessageRoute: Sendable {
    typealias One = @Sendable (MessageClaim, Delivery) async throws -> Decision
    /// Gives a result for each, in order.
    typealias Many = @Sendable ([(MessageClaim, Delivery)]) async throws -> [Result<Decision, any Error>]

    enum Handler: Sendable {
        case one(One)
        /// Up to so many messages in one call.
        case many(Int, Many)
    }

    var handler: Handler
    /// The consumer's unless set.
    var retry: RetryPolicy?
}

/// Decides by the type that a message names who handles it.
struct MessageRoutes: Sendable {
    enum Choice {
        case route(MessageRoute)
        /// A type or a version that others may know.
        case unknown
        /// It names no type, and there are several.
        case untyped
    }

    private var byName: [ExactText: [Int: MessageRoute]] = [:]
    /// A type that was added twice.
    private var repeated: MessageKind?
    /// For everything else.
    private var rest: MessageRoute?

    /// - Parameter rest: handles what names none of the types that are added.
    init(_ rest: MessageRoute? = nil) {
        self.rest = rest
    }

    mutating func add(_ kind: MessageKind, _ route: MessageRoute) {
        let former = byName[ExactText(kind.name), default: [:]].updateValue(route, forKey: kind.version)
        if former != nil { repeated = kind }
    }

    private var isEmpty: Bool { byName.isEmpty && rest == nil }

    private var all: [MessageRoute] { byName.values.flatMap(\.values) }

    /// How many attempts a claim allows. Who does not handle every type leaves that to the handlers, each by its own
    /// policy: what it does not know may have more attempts elsewhere.
    func attempts(_ standard: RetryPolicy) -> Int {
        rest.map { ($0.retry ?? standard).attempts } ?? Int(Int32.max)
    }

    /// The retry policies of single types. Throws where the types cannot be handled as they were added.
    func validatedPolicies() throws(HoldfastError) -> [RetryPolicy] {
        guard !isEmpty else {
            throw HoldfastError(.invalidArgument, "a consumer handles no type of message")
        }
        if let repeated {
            throw HoldfastError(
                .invalidArgument, "a consumer has two handlers for the messages of the type \(repeated.text)")
        }
        return all.compactMap(\.retry)
    }

    func choice(for type: String) -> Choice {
        if let rest { return .route(rest) }
        if type.isEmpty { return all.count == 1 ? .route(all[0]) : .untyped }
        let kind = MessageKind(type)
        // The lowest version that can read it.
        guard let versions = byName[ExactText(kind.name)],
            let version = versions.keys.filter({ $0 >= kind.version }).min()
        else { return .unknown }
        return .route(versions[version]!)
    }

    func retry(for type: String, _ standard: RetryPolicy) -> RetryPolicy {
        guard case .route(let route) = choice(for: type) else { return standard }
        return route.retry ?? standard
    }

    /// For how long a message of an unknown type is left to others, after so long in the queue: the longer the less
    /// often it is looked at. `random` is uniform in 0..<1.
    static func leave(after age: Duration, random: Double) -> Duration {
        max(.seconds(1), min(age / 2, .seconds(60))) * (0.5 + random / 2)
    }
}
