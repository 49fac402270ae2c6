import Testing

@testable import Holdfast

private struct Placed: VersionedMessage {
    static let messageType = "placed"
}

private struct PlacedToday: VersionedMessage {
    static let messageType = "placed"
    static let messageVersion = 3
}

private struct Cancelled: VersionedMessage {
    static let messageType = "cancelled"
}

@Suite("The types of messages")
struct MessageRoutesTests {
    private func routes(_ kinds: MessageKind...) -> MessageRoutes {
        var routes = MessageRoutes()
        for kind in kinds {
            routes.add(
                kind,
                MessageRoute(handler: .one { _, _ in .commit }, retry: RetryPolicy(attempts: kind.version)))
        }
        return routes
    }

    /// The version that handles a message, -1 if it is unknown, 0 if it names no type.
    private func version(_ type: String, _ routes: MessageRoutes) -> Int {
        switch routes.choice(for: type) {
        case .route(let route): route.retry?.attempts ?? 99
        case .unknown: -1
        case .untyped: 0
        }
    }

    @Test("are named with their version from the second one on")
    func names() {
        #expect(MessageKind(Placed.self).text == "placed")
        #expect(MessageKind(PlacedToday.self).text == "placed@3")
        #expect(MessageKind("placed@3") == MessageKind(PlacedToday.self))
        for text in ["placed", "a@b", "@", "a@1", "a@-2", "a@999999999999999999999"] {
            #expect(MessageKind(text) == MessageKind(MessageKind(text).text))
            #expect(MessageKind(text).name == text && MessageKind(text).version == 1)
        }
        #expect(MessageKind.text(for: Order.self) == "Order")
        #expect(MessageKind.text(for: PlacedToday.self) == "placed@3")
    }

    @Test("go to their own version, else to the next one that reads them; newer ones and others are unknown")
    func versions() {
        let both = routes(
            MessageKind(Placed.self), MessageKind(PlacedToday.self), MessageKind(Cancelled.self))
        #expect(version("placed", both) == 1)
        #expect(version("placed@2", both) == 3)
        #expect(version("placed@3", both) == 3)
        #expect(version("placed@4", both) == -1)
        #expect(version("shipped", both) == -1)
        #expect(version("", both) == 0)
        let new = routes(MessageKind(PlacedToday.self))
        #expect(version("placed", new) == 3)
        #expect(version("", new) == 3, "there is only one it can be")
        let any = MessageRoutes(MessageRoute(handler: .one { _, _ in .commit }))
        #expect(version("whatever@7", any) == 99 && version("", any) == 99)
    }

    @Test("have as many attempts as their own policy says; a claim buries none whose type it may not know")
    func attempts() {
        let types = routes(MessageKind(Placed.self), MessageKind("big@9"))
        #expect(types.attempts(RetryPolicy(attempts: 5)) > 1_000_000_000)
        #expect(types.retry(for: "big@9", RetryPolicy(attempts: 5)).attempts == 9)
        #expect(types.retry(for: "other", RetryPolicy(attempts: 5)).attempts == 5)
    }

    @Test("that are unknown are looked at less often the longer they are there")
    func leaving() {
        for random in [0, 0.5, 0.999] {
            let waits = [0, 1, 10, 60, 3600].map { MessageRoutes.leave(after: .seconds($0), random: random) }
            #expect(waits == waits.sorted())
            #expect(waits[0] >= .milliseconds(500) && waits[4] <= .seconds(60))
        }
    }
}
