import Holdfast

/// The message that the shop sends for each order.
struct OrderPlaced: Codable, Sendable {
    var id: String
    var user: String
    var cents: Int
}

/// Books each order on its user's account, once, whatever happens to the instance that does it.
struct OrderConsumer: Sendable {
    let store: UserStore
    let settings: Settings

    /// Each instance books four orders at a time.
    var options: ConsumerOptions {
        var options = ConsumerOptions()
        options.concurrency = 4
        return options
    }

    func book(_ order: OrderPlaced, _ delivery: Delivery) async throws -> Decision {
        delivery.logger.debug("Booking \(order.cents) cents of \(order.user)")
        try await Task.sleep(for: settings.slowness / 20)
        let (attempt, instance) = (delivery.attempt, settings.instance)
        let booked = try await delivery.commit(in: store.inbox) { database in
            try UserStore.book(order, attempt: attempt, by: instance, database)
        }
        // An instance that is killed here has booked the order. Redis does not know that, but the inbox does.
        try await Task.sleep(for: settings.slowness / 20)
        return booked
    }
}
