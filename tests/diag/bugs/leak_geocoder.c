/* leak_geocoder.c - send without receiver: two answers, one timeout
 *
 * Location and error travel on two channels; a request that takes longer than the
 * limit finds neither of them read.
 *
 * From:     https://github.com/codingsince1985/geo-golang/pull/1
 * Detector: leak
 * Says:     chan send */
#include <millrace.h>

typedef struct { double lat, lng; } location;

static void geocode(recv_chan(char) network, send_chan(location) found, send_chan(int) failed,
		    int status)
{
	chan_recv(network);
	if (status)
		chan_send(failed, status);
	else
		chan_send(found, { 52.5, 13.4 });
}

static int locate(recv_chan(char) network, int status, location *where)
{
	int err = 0;
#ifdef FIXED
	chan(location) found = chan_make(location, 1);
	chan(int) failed = chan_make(int, 1);
#else
	chan(location) found = chan_make(location);
	chan(int) failed = chan_make(int);
#endif
	go(geocode, network, found, failed, status);
	switch (chan_select(on_recv(found, where), on_recv(failed, &err),
			    on_timeout(MILLISECOND))) {
	case 0: return 0;
	case 1: return err;
	default: return -110;
	}
}

int main(void)
{
	chan(char) network = chan_make(char);
	location where;
	int a = locate(network, 0, &where), b = locate(network, -5, &where);

	chan_close(network);
	return a != -110 || b != -110;
}
