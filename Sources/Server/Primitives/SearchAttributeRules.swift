import TemporalAPI

/// Which limit search attributes exceed by their sizes in bytes; nil if none.
package func searchAttributeSizeFlaw(
    _ fields: [String: Temporal_Api_Common_V1_Payload], valueSizeMax: Int, totalSizeMax: Int
) -> String? {
    for (name, payload) in fields.sorted(by: { $0.key < $1.key })
    where payload.data.count > valueSizeMax {
        return "search attribute \(name) value size \(payload.data.count) exceeds size limit "
            + "\(valueSizeMax)"
    }
    let total = PayloadSize.of(fields)
    guard total > totalSizeMax else { return nil }
    return "total size of search attributes \(total) exceeds size limit \(totalSizeMax)"
}
