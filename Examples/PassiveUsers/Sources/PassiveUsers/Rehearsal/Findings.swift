import GRDB

/// Looks in the database for anything that happened twice, or did not happen.
struct Findings {
    let orders: Int
    let store: UserStore

    /// The orders that were sent, regardless of what was booked.
    private var sent: String {
        """
        WITH RECURSIVE sent (number) AS (
            SELECT 0 UNION ALL SELECT number + 1 FROM sent WHERE number + 1 < \(orders)
        )
        """
    }

    /// What must hold, and a query that finds each case where it does not.
    private var promises: [(claim: String, counterexamples: String)] {
        [
            (
                "Each tick had its effect once",
                "SELECT tick FROM checks GROUP BY tick HAVING count(*) > 1"
            ),
            (
                "No user was marked twice",
                "SELECT user FROM markings GROUP BY user HAVING count(*) > 1"
            ),
            (
                "The passive users are those who had been away for thirty days at the last tick",
                """
                SELECT id FROM users
                WHERE (status = 'passive') != (last_login < (SELECT max(due) FROM checks) - 30 * 86400)
                """
            ),
            (
                "Each order was booked",
                "\(sent) SELECT number FROM sent WHERE 'order-' || number NOT IN (SELECT order_id FROM bookings)"
            ),
            (
                "No order was booked twice",
                "SELECT order_id FROM bookings GROUP BY order_id HAVING count(*) > 1"
            ),
            (
                "Each user has spent what was ordered",
                """
                \(sent) SELECT id FROM users WHERE spent_cents != (
                    SELECT coalesce(sum(100 + number), 0) FROM sent
                    WHERE 'user-' || (number % \(Rehearsal.users)) = id
                )
                """
            ),
            (
                "Something was under way in the killed instance, and another one took it over",
                "SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM checks WHERE attempt > 1)"
            ),
        ]
    }

    /// Prints who did what, and whether each promise was kept.
    func report() throws -> Bool {
        try store.database.read { database in
            let shares = try Row.fetchAll(
                database,
                sql: """
                    SELECT instance, sum(ticks) AS ticks, sum(taken) AS taken, sum(booked) AS booked,
                        sum(again) AS again
                    FROM (
                        SELECT instance, 1 AS ticks, attempt > 1 AS taken, 0 AS booked, 0 AS again FROM checks
                        UNION ALL SELECT instance, 0, 0, 1, attempt > 1 FROM bookings
                    ) GROUP BY instance
                    """)
            for share in shares {
                let instance: String = share["instance"]
                let (ticks, taken): (Int, Int) = (share["ticks"], share["taken"])
                let (booked, again): (Int, Int) = (share["booked"], share["again"])
                print(
                    "Instance \(instance) ran \(ticks) of the ticks and booked \(booked) of the orders;",
                    "it took over \(taken) and \(again) of them.")
            }
            let passive = try Int.fetchOne(
                database, sql: "SELECT count(*) FROM users WHERE status = 'passive'")
            print("\(passive ?? 0) of \(Rehearsal.users) users are passive.")
            var areKept = true
            for promise in promises {
                let found = try Row.fetchAll(database, sql: promise.counterexamples)
                print(found.isEmpty ? "OK: \(promise.claim)." : "NOT OK: \(promise.claim): \(found)")
                areKept = areKept && found.isEmpty
            }
            return areKept
        }
    }
}
