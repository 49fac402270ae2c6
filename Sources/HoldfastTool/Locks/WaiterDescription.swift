internal import Holdfast

/// What the tool tells of one caller that waits for a lock. As JSON these are documented, stable field names.
struct WaiterDescription: Encodable, Hashable {
    var host: String?
    var pid: Int32?
    var service: String?
    var instance: String?
    var waitingForMilliseconds: Int64
    /// It was granted the lock, and has not confirmed yet.
    var granted: Bool

    init(_ waiter: LockWaiter) {
        host = waiter.instance?.host
        pid = waiter.instance?.pid
        service = waiter.instance?.service
        instance = waiter.instanceID
        waitingForMilliseconds = waiter.waitingFor.inMilliseconds
        granted = waiter.isGranted
    }

    static func table(_ waiters: [WaiterDescription]) -> String {
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
