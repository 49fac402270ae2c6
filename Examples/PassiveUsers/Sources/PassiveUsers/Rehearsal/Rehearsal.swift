import Foundation
import GRDB
import Logging

/// What `run` needs besides the service: users, orders, and a look at what happened to them.
struct Rehearsal {
    static let users = 100

    let settings: Settings

    func perform() async throws {
        let count = CommandLine.arguments.dropFirst(2).first.flatMap { Int($0) } ?? 0
        switch CommandLine.arguments[1] {
        case "prepare": try prepare()
        case "order": try await order(count)
        case "booked": try booked()
        case "check":
            exit(try Findings(orders: count, store: UserStore(path: settings.database)).report() ? 0 : 1)
        default:
            print("usage: PassiveUsers [serve | prepare | order COUNT | booked | check COUNT]")
            exit(64)
        }
    }

    /// Users who logged in thirty days ago, one after another: at each tick a few more of them become
    /// passive.
    private func prepare() throws {
        let first = Date().addingTimeInterval(-30 * 86_400)
        try UserStore(path: settings.database).database.write { database in
            for number in 0..<Self.users {
                try database.execute(
                    sql: "INSERT INTO users (id, last_login) VALUES (?, ?)",
                    arguments: ["user-\(number)", first.timeIntervalSince1970 + Double(number) / 3])
            }
        }
    }

    /// Sends each order twice, like a shop that got no answer the first time.
    private func order(_ count: Int) async throws {
        let holdfast = try PassiveUsers.client(settings, Logger(label: settings.instance))
        let orders = (0..<count).map { number in
            (
                id: "order-\(number)",
                message: OrderPlaced(
                    id: "order-\(number)", user: "user-\(number % Self.users)", cents: 100 + number)
            )
        }
        let queue = PassiveUsers.orders(of: holdfast)
        try await queue.send(contentsOf: orders)
        let again = try await queue.send(contentsOf: orders)
        print(
            "\(count) orders sent, and all of them again: \(again.count { $0 == .duplicate }) were already known."
        )
        await holdfast.close()
    }

    private func booked() throws {
        let count = try UserStore(path: settings.database).database.read {
            try Int.fetchOne($0, sql: "SELECT count(*) FROM bookings")
        }
        print(count ?? 0)
    }
}
