internal import Foundation
internal import HoldfastInspection

extension InstanceSnapshot: ListRow {
    static let columns: [(String, Table.Alignment)] = [
        ("INSTANCE", .left), ("HOST", .left), ("PID", .right), ("SERVICE", .left), ("VERSION", .left),
        ("STARTED", .left),
    ]

    var cells: [String?] { [instance, host, String(pid), service, version, started.formatted(.iso8601)] }
}
