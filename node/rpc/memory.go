package rpc

import (
	"context"
	"runtime"

	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

func (n maintenance) memoryCommand() rpc.Command {
	return rpc.Command{
		Name: "getmemoryinfo", Returns: memoryInfo{}, Category: "Control", Run: getMemoryInfo,
		Summary: "Returns an object containing information about memory usage.\n" +
			"There is no pool of locked memory, as no key is in this process: \"locked\" tells of the heap of the node's process.",
		Params: []rpc.Param{{Name: "mode", Type: rpc.String, Optional: true, Default: `"stats"`, Help: `Determines what kind of information is returned: "stats"; "mallocinfo" is not available.`}},
		Result: `{"locked": {"used": n, "free": n, "total": n, "locked": 0, "chunks_used": n, "chunks_free": n}}    (json object) bytes and, as chunks, objects and free pages`,
	}
}

type memoryInfo struct {
	Locked heapInfo `json:"locked"`
}

type heapInfo struct {
	Used       uint64 `json:"used"`
	Free       uint64 `json:"free"`
	Total      uint64 `json:"total"`
	Locked     uint64 `json:"locked"`
	ChunksUsed uint64 `json:"chunks_used"`
	ChunksFree uint64 `json:"chunks_free"`
}

// heapPage is the unit in which the runtime holds memory, in bytes.
const heapPage = 8192

func getMemoryInfo(_ context.Context, call *rpc.Call) (any, error) {
	mode, err := call.Text(0, "stats")
	if err != nil {
		return nil, err
	}
	switch mode {
	case "stats":
		return memoryInfo{heap()}, nil
	case "mallocinfo":
		return nil, rpc.Errorf(rpc.InvalidParameter, "mallocinfo mode not available")
	}
	return nil, rpc.Errorf(rpc.InvalidParameter, "unknown mode %s", mode)
}

func heap() heapInfo {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	total := stats.HeapSys - stats.HeapReleased
	free := total - stats.HeapAlloc
	return heapInfo{
		Used: stats.HeapAlloc, Free: free, Total: total,
		ChunksUsed: stats.HeapObjects, ChunksFree: (free + heapPage - 1) / heapPage,
	}
}
