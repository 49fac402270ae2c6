internal import HoldfastInspection

extension WaiterSnapshot {
    /// In the order they will be served.
    static func table(_ waiters: [WaiterSnapshot]) -> String {
        var table = Table([
            ("PLACE", .right), ("HOST", .left), ("PID", .right), ("SERVICE", .left), ("INSTANCE", .left),
            ("WAITING FOR", .right),
        ])
        for (place, waiter) in waiters.enumerated() {
            table.add([
                String(place + 1), waiter.host, waiter.pid.map(String.init), waiter.service, waiter.instance,
                DurationText.short(.milliseconds(waiter.waitingForMilliseconds)),
            ])
        }
        return table.text
    }
}
