import { useQuery } from '@tanstack/react-query';
import { get } from '../../api/client';
import { everyPage } from '../../api/every-page';
import { keys } from '../../api/keys';
import type { AlertChannel, AlertRule, Incident, IncidentDetail, MaintenanceWindow, Page } from '../../api/types';

export interface IncidentFilter {
  state?: 'open' | 'resolved';
  product_id?: number;
  from?: string;
  page?: number;
  page_size?: number;
}

/** Asked again every 5 s while it is looked at. */
export function useIncidents(filter: IncidentFilter) {
  return useQuery({
    queryKey: keys.incidentList(filter),
    queryFn: ({ signal }) => get<Page<Incident>>('/incidents', { query: { ...filter }, signal }),
    refetchInterval: 5_000,
  });
}

export function useIncident(id: number) {
  return useQuery({
    queryKey: keys.incident(id),
    queryFn: ({ signal }) => get<IncidentDetail>(`/incidents/${id}`, { signal }),
    refetchInterval: 5_000,
  });
}

export function useAlertRules() {
  return useQuery({
    queryKey: keys.alertRules,
    queryFn: ({ signal }) => everyPage<AlertRule>('/alert-rules', signal),
    refetchInterval: 10_000,
  });
}

export function useAlertChannels(options: { enabled?: boolean } = {}) {
  return useQuery({
    queryKey: keys.alertChannels,
    queryFn: ({ signal }) => everyPage<AlertChannel>('/alert-channels', signal),
    enabled: options.enabled ?? true,
  });
}

export function useWindows() {
  return useQuery({
    queryKey: keys.windows,
    queryFn: ({ signal }) => everyPage<MaintenanceWindow>('/maintenance-windows', signal),
  });
}
