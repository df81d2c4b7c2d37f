#!/usr/bin/env bash
# The same job as the demo, on the real market data that stands beside the checkout, where it is present. Nothing of it is
# copied: the session file made here only points at it.
set -euo pipefail
cd "$(dirname "$0")/.."

bars=$(realpath -m ../shared/data/ohlcv/btc-perp-20211231-20220201_1m.csv.xz)
if [[ ! -f $bars ]]; then
    echo "skipped: no real market data beside the checkout"
    exit 0
fi
retrace=${RETRACE:-target/debug/retrace}
[[ -x $retrace ]] || cargo build --bin retrace

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

cat >"$dir/session.yaml" <<YAML
session: btc-january
mode: backtest
strategy: { instance: TWAP_BTC_01, directives: directives.jsonl }
market:
  - { symbol: BTC/USDT, timeframe: 1m, bars: "$bars", volume_unit: quote, columns: {time: timestamp, open: open, high: high, low: low, close: close, volume: volume} }
instruments: { BTC/USDT: { tick: "0.01", lot: "0.01", min_notional: "10" } }
account: { quote: USDT, balance: "1000000" }
venue: { profile: backtest, fees: {maker: "0", taker: "0.001"}, fee_asset: quote, path: pessimistic, slippage_bps: "0", latency_ms: 0, max_volume_share: "1" }
YAML

cat >"$dir/directives.jsonl" <<'JSONL'
{"at":"2022-01-21T10:00:00Z","directive":{"directive_id":"STR_001","scope":"NEW_TRADE","plan_id":"TPL_BTC_001","comments":"breakout","entry_directive":{"symbol":"BTC/USDT","direction":"BUY","order_type":"MARKET"},"size_directive":{"target_position_size":"10"},"exit_directive":{"stop_loss_price":"37000","take_profit_price":null},"execution_directive":{"algorithm":"TWAP","duration_minutes":60,"slices":12}}}
{"at":"2022-01-21T12:00:00Z","directive":{"directive_id":"STR_002","scope":"MODIFY_EXISTING","target_plan_ids":["TPL_BTC_001"],"exit_directive":{"stop_loss_tolerance":"0.035"}}}
{"at":"2022-01-21T13:00:00Z","directive":{"directive_id":"STR_003","scope":"CLOSE_EXISTING","target_plan_ids":["TPL_BTC_001"],"execution_directive":{"execution_urgency":"1.0","max_total_slippage_pct":"0.05"}}}
{"at":"2022-01-21T21:10:00Z","directive":{"directive_id":"STR_004","scope":"NEW_TRADE","plan_id":"TPL_FALL","comments":"a breakout that was none","entry_directive":{"symbol":"BTC/USDT","direction":"BUY","order_type":"MARKET"},"size_directive":{"target_position_size":"10"},"exit_directive":{"stop_loss_price":"37500"},"execution_directive":{"algorithm":"TWAP","duration_minutes":60,"slices":12}}}
{"at":"2022-01-24T17:15:00Z","directive":{"directive_id":"STR_005","scope":"NEW_TRADE","plan_id":"TPL_RISE","entry_directive":{"symbol":"BTC/USDT","direction":"SELL","order_type":"MARKET"},"size_directive":{"target_position_size":"10"},"exit_directive":{"stop_loss_tolerance":"0.03"},"execution_directive":{"algorithm":"TWAP","duration_minutes":60,"slices":12}}}
JSONL

"$retrace" run "$dir/session.yaml" --db "$dir/db"
"$retrace" replay btc-january --db "$dir/db" --at 2022-01-21T21:30:00Z
"$retrace" verify btc-january --db "$dir/db"
"$retrace" audit TPL_FALL --db "$dir/db"
